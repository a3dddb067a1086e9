# Drafts: posts that are gathered, wait for a yes, or for their time.

## A draft
draft-opened = Your draft is open. Send texts and pictures, as many messages as you like: they join it. Other commands work too; those with a text of their own need a ! before them.
draft-summary = In your draft: { $texts ->
    [0] no text
    [one] one text, { $characters } characters
   *[other] { $texts } texts, { $characters } characters
}{ $pictures ->
    [0] .
    [one] ; one picture.
   *[other] ; { $pictures } pictures.
}
draft-wider = This goes to others than your last post, which was for { $audience }. Is that meant?
draft-warning = Behind the warning: { $warning }
draft-due = For { $time }.
draft-poll = A poll: { $answers }
draft-place = 📍 { $latitude }, { $longitude }: others see it to about a kilometre. `draft place exact` shows it as it is.
draft-place-exact = 📍 { $latitude }, { $longitude }, as exact as that. `draft place coarse` shows it to about a kilometre.
draft-expires = It ends: { $when }
responders-nobody = nobody
responders-all = all your friends who see it
draft-responses = Likes and comments: { $who }
draft-for-nobody = For { $audience }.
draft-for = For { $audience }: { $count ->
    [0] nobody for now
    [one] one person, { $people }
   *[other] { $count } people, { $people }
}.
draft-for-public = For { $audience }: { $count ->
    [0] no friend for now
    [one] one friend, { $people }
   *[other] { $count } friends, { $people }
}; and strangers who look.
draft-alt = What does picture { $number } show? Reply with a line for those who can't see it, or type `alt { $number } TEXT`.
draft-choice-publish = publish it
draft-choice-schedule = publish it at that time
draft-choice-now = publish it now
draft-choice-audience = choose who sees it
draft-choice-cancel = throw it away
draft-cancelled = Thrown away. Nothing was posted.
draft-audience-which = Who is it for?
draft-audience-howto = Answer with the number, or write it out: `draft to #family @bob:example.org`

## What can't be
draft-none = There is no draft. `post` alone opens one.
draft-empty = There is nothing in your draft yet. Send a text or a picture.
draft-texts = Your draft holds { $limit } texts at most. This one was not taken; everything else is as it was.
draft-limit = You have { $limit } drafts, and no more are kept. `drafts` shows them; publish one or throw one away. Nothing was posted.
draft-no-picture = There is no picture { $number } in your draft.
alt-which = Which picture? `alt 2 TEXT` is about the second picture of your draft, `alt #3 2 TEXT` about the second picture of your moment #3. Nothing was changed.
alt-which-posted = { $count ->
    [0] #{ $number } has no picture. Nothing was changed.
    [one] What does the picture of #{ $number } show? Write it like this: `alt #{ $number } TEXT`. Nothing was changed.
   *[other] #{ $number } has { $count } pictures. Which one, and what does it show? Write it like this: `alt #{ $number } 2 TEXT`. Nothing was changed.
}
alt-too-long = That is too long to describe a picture. At most { $limit } characters are possible.
gather-command = Your draft is open, and this begins like the command `{ $name }`. To give the command, put a ! before it. To have it in your draft, begin with another word. Nothing was done.

picture-describe = What does the picture show? Reply to this with a line for those who can't see it.
picture-described = Thank you. That is what they are told now.
place-howto = To post a place, type `post` to open a draft, then share your location: it joins the draft, and others see it to about a kilometre.

## Time
draft-scheduled = I'll post that { $time }.
draft-scheduled-howto = Who sees it is looked up again then. `drafts` shows it and lets you change your mind.
draft-due-posted = Your scheduled post is out.
draft-due-failed = Your scheduled post could not go out:
draft-due-kept = It is kept: `drafts`

## All drafts
drafts-none = You have no drafts. `post` alone opens one.
drafts-head = Your drafts:
drafts-about = “{ $text }”
drafts-open = { $what } (open)
drafts-kept = { $what }
drafts-scheduled = { $what } · for { $time }
drafts-howto = Answer with the number of one to go on with it.

## Help
help-drafts = shows your drafts and scheduled posts
    .details = Answer with the number of one to publish it, choose who sees it, or throw it away. Drafts that nobody touches are thrown away after a while.
help-draft = shows your draft
    .details = `post` alone opens one; what you send then, texts and pictures, joins it.
help-draft-to = chooses who sees your draft
    .details = `draft to #family @bob:example.org except #work`. The words are those of `post to`.
help-draft-at = chooses when your draft is published
    .details = `draft at 18:00`, `draft at tomorrow 9:30`, `draft at fri 18:00`, `draft at in 2 hours`, in your time zone (`timezone`). `draft at off`: no time.
help-draft-cw = puts your draft behind a warning
    .details = `draft cw Spiders` hides text and pictures until a reader opens them. `draft cw off`: no warning.
help-draft-poll = makes your draft a poll
    .details = `draft poll Yes / No`, with two to ten answers. The text is the question. `draft poll off`: no poll.
help-draft-place = says where it was
    .details = Share your location from your app while the draft is open, or `draft place geo:47.37,8.54`. Others see it to about a kilometre; `draft place exact` shows it as it is, `draft place off` not at all.
help-draft-expire = lets what you post end by itself
    .details = `draft expire 24h`, counted from when it is published, or `draft expire 2026-12-24`. `draft expire off`: it stays.
help-draft-responses = says who may like and comment on what you post
    .details = `draft responses nobody`, `draft responses #family`, `draft responses all`.
help-alt = says what a picture of your draft, or of one of your moments, shows
    .details = `alt 1 A lake at dawn` is about the first picture of your draft, `alt #3 2 A lake at dawn` about the second one of your moment #3. It is for those who can't see the picture, or whose app does not show it.

alias-drafts = draft list
alias-draft = my draft
alias-draft-to = draft for
alias-draft-at = draft time
alias-draft-cw = draft warning
alias-draft-poll = draft answers
alias-draft-place = draft location
alias-draft-expire = draft expires
alias-draft-responses = draft who
alias-alt = describe
