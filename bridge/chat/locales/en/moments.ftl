# Moments: posts, feed, likes, comments.
help-moments-keep = how long your own moments stay: `moments keep 1y`
    .details = Days, weeks, months or years: 30d, 6m, 1y. After that they go for good, with what was said under them, as if you deleted them. `moments keep all` keeps them; `moments keep` says what holds.
alias-moments-keep = keep my moments, keep moments
keep-all = Your moments stay until you delete them.
keep-shown = { $days ->
    [one] Your moments go one day after you posted them.
   *[other] Your moments go { $days } days after you posted them.
}
keep-operator = { $days ->
    [one] Your moments go one day after you posted them, for good: that is how whoever runs me has set it. With `moments keep` you can only have them go earlier.
   *[other] Your moments go { $days } days after you posted them, for good: that is how whoever runs me has set it. With `moments keep` you can only have them go earlier.
}
keep-set = { $days ->
    [one] From now on your moments go one day after you posted them, for good. `moments keep all` keeps them.
   *[other] From now on your moments go { $days } days after you posted them, for good. `moments keep all` keeps them.
}
keep-question = { $count ->
    [one] One of your moments is older than { $days } days: it would go within the hour, for good, with what was said under it. Is that what you want?
   *[other] { $count } of your moments are older than { $days } days: they would go within the hour, for good, with what was said under them. Is that what you want?
}
keep-choices = 1 Yes · 2 No
keep-left = Nothing was changed.
keep-when = How long, please: `moments keep 30d`, `moments keep 6m`, `moments keep 1y`, or `moments keep all`.


## Posting
posted-friends = Posted as #{ $number }, for your { $count ->
    [one] friend
   *[other] { $count } friends
}.
posted-no-friends = Posted as #{ $number }, for your friends. You have none here yet, so nobody else sees it for now.
posted-private = Saved as #{ $number }, for you alone.
posted-people = Posted as #{ $number }, for { $audience }: { $count ->
    [0] nobody for now
    [one] one person
   *[other] { $count } people
}.
posted-public = Posted as #{ $number }, for { $audience }: { $count ->
    [one] one friend
   *[other] { $count } friends
}, and strangers who look.
posted-public-friends = Posted as #{ $number }, for { $audience }: { $count ->
    [one] one friend
   *[other] { $count } friends
}. Strangers see nothing of yours, unless you let them: `privacy set strangers on`.
moment-empty = There is nothing to post yet. Write it like this: `post Hello from the lake`
moment-too-long = That is too long for one moment. At most { $limit } characters are possible, fewer with many emoji. Nothing was posted.
audience-no-separator = Who is it for, and where does the text begin? Put a | between them, like this: `post to friends | Hello`. Nothing was posted.
audience-missing = Who is it for? Like this: `friends`, `public`, `private`, `#family`, @bob:example.org, or `friends except #work`. Nothing was changed.
audience-unknown = I don't understand “{ $value }” in an audience. There are `friends`, `public`, `private`, tags like #family, people like @bob:example.org, and `except`. Nothing was changed.
moment-pictures = A moment holds { $limit } pictures at most. This one was not taken; everything else is as it was.
warning-no-separator = What is the warning, and where does the text begin? Put a | between them, like this: `post cw Spiders | Look what I found`. Nothing was posted.
warning-empty = What is the warning? Like this: `post cw Spiders | Look what I found`. Nothing was posted.
warning-too-long = That is too long for a warning. At most { $limit } characters are possible. Nothing was posted.
when-no-separator = That begins like a time. If it is one, put a | behind it, like this: `post at 18:00 | Dinner is ready`. If not, begin with another word. Nothing was posted.
when-unknown = I don't understand that time. Write it like this: `18:00`, `tomorrow 9:30`, `fri 18:00`, `2026-12-31 23:00` or `in 2 hours`. If it is no time, begin with another word. Nothing was posted.
when-past = That time is over. Nothing was posted.
when-too-far = That is too far ahead: { $days } days at most. Nothing was posted.
mention-outside = { $user } does not see this post, so it can't mention them. Choose an audience that they are in, or put the name between backticks to mention nobody. Nothing was posted.
mention-which = You know several friends as “{ $name }”. Write the Matrix id of the one that you mean, like @bob:example.org. Nothing was posted.
mention-too-many = At most { $limit } people can be mentioned. Nothing was posted.
poll-no-separator = Where do the answers end, and where does the question begin? Put a | between them, like this: `post poll Yes / No | Shall we go?`. If it is no poll, begin with another word. Nothing was posted.
poll-answers = A poll has { $least } to { $limit } answers, with a / between them: `post poll Yes / No | Shall we go?`. Nothing was changed.
poll-answer-long = An answer of a poll has { $limit } characters at most. Nothing was changed.
poll-answer-twice = Two answers of that poll are the same. Nothing was changed.
poll-question = What is the question? Write it behind the answers: `post poll Yes / No | Shall we go?`. Nothing was posted.
expire-no-separator = That begins like a time at which it ends. If it is one, put a | behind it, like this: `post expire 24h | Dinner is ready`. If not, begin with another word. Nothing was posted.
responses-no-separator = That begins like who may respond. If it is that, put a | behind it, like this: `post responses nobody | Only to look at`. If not, begin with another word. Nothing was posted.
place-unknown = I don't understand that place. Write it like this: `geo:47.37,8.54`, or share your location from your app while a draft is open. Nothing was changed.
audience-without-to = That begins like an audience. If it is one, write `post to` before it. If not, begin with another word. Nothing was posted.
audience-no-friend = { $user } is not among your friends, and only friends can be named. Nothing was changed.
audience-too-many = At most { $limit } people and tags can be named. Nothing was changed.
audience-no-tag = You have no tag #{ $tag }. `tags` shows yours. Nothing was changed.
audience-except-whom = Whom should it leave out? Name people or tags behind `except`. Nothing was changed.
audience-except-self = You always see your own. Nothing was changed.
audience-mixed = These words contradict each other: it is either `friends`, `public`, `private`, or tags and people by name. Nothing was changed.

## A moment as it is shown
moment-head = **#{ $number }** · { $author } · { $time }
moment-head-new = **#{ $number } · new** · { $author } · { $time }
moment-damaged = (What was written here is damaged and can't be read any more.)
picture-damaged = (The picture is damaged and can't be shown any more.)
comment-damaged = (damaged)
moment-edited = Edited { $time }
moment-for = For { $audience }
moment-only-friends = Only friends can like and comment.
moment-likes = ♥ { $people }
moment-more = Older ones: `feed more`
people-and-more = { $people } and { $count ->
    [one] one more
   *[other] { $count } more
}
comment-line = { $who }: { $text }
comment-line-answer = { $who } to { $whom }: { $text }
comments-earlier = { $count ->
    [one] One earlier comment
   *[other] { $count } earlier comments
}: `moment { $number }`
comments-earlier-left = Before these there { $count ->
    [one] is one more comment
   *[other] are { $count } more comments
} on #{ $number }.

picture-first-of = Picture 1 of { $count }: `moment { $number }` shows all.
picture-first = Picture 1 of { $count }; the others follow.
picture-alt = Picture: { $text }
picture-nth = { $index }/{ $count }
picture-nth-alt = { $index }/{ $count } · { $text }
moment-warning = ⚠ { $warning }
moment-closed = Hidden. `open { $number }` shows it.
moment-closed-pictures = Hidden, with { $count ->
    [one] a picture
   *[other] { $count } pictures
}. `open { $number }` shows it.
comments-closed = { $count ->
    [one] One comment
   *[other] { $count } comments
}: `open { $number }`

moment-place = 📍 { $latitude }, { $longitude }, to about a kilometre
moment-place-exact = 📍 { $latitude }, { $longitude }
poll-answer = { $index } · { $answer }
poll-answer-votes = { $line } — { $people }
poll-votes = { $count }: { $people }
poll-howto = Reply with a number to vote, or type `vote { $number } 1`. You see the votes of those whom you know.
poll-closed = The poll is closed. You see the votes of those whom you know.

## Reading
feed-empty = Nothing here yet. Post something with `post …`, or find friends with `friend add @user:server`.
feed-end = That was all. `feed` begins with the newest again.
album-empty = There is nothing of { $user } for you to see.
album-empty-own = You have posted nothing yet. Begin with `post …`.
moment-none = There is no moment { $number }. The numbers are those that `feed` and `album` show you.
moment-gone = That is no longer there.

page-gap = { "" }
page-text = { $text }
page-pictures = { $count ->
    [one] one picture
   *[other] { $count } pictures
}
page-poll = a poll with { $count } answers
page-likes = ♥ { $count }
page-comments = { $count ->
    [one] one comment
   *[other] { $count } comments
}
page-edited = edited
page-facts = { $first } · { $next }
page-howto = `moment { $number }` shows one with everything; `like { $number }`, and `comment { $number } TEXT`.
page-which = That message shows several moments. Which one is it about? Begin with its number, like `#{ $number } How lovely`, or type `comment { $number } How lovely`.
page-which-like = That message shows several moments. Which one do you like? Type `like { $number }`, with its number.

## Likes
like-done = You like #{ $number }.
unlike-done = You no longer like #{ $number }.
unlike-none = You had not liked #{ $number }.
likes-notice = ♥ { $people } { $count ->
    [one] likes
   *[other] like
} your moment #{ $number }.

## Polls
poll-voted = Your vote on #{ $number }: { $answer }
votes-notice = { $people } { $count ->
    [one] has
   *[other] have
} voted in your poll #{ $number }. `moment { $number }` shows how.
poll-unvoted = Your vote on #{ $number } is taken back.
poll-no-vote = You had not voted on #{ $number }.
poll-none = There is no poll in that moment.
poll-over = That poll is closed. You can still take your vote back: `unvote`, with its number.
poll-closed-done = The poll of #{ $number } is closed. What was voted stays.

## Comments
comment-done = Your comment is on #{ $number }.
comment-changed = Your comment is changed.
comment-empty = There is nothing to say yet. Write it like this: `comment 1 How lovely`
comment-too-long = That is too long for a comment. At most { $limit } characters are possible.
comment-limit = You have made { $limit } comments on this moment. That is all that fits.
comment-notice = { $who } commented on your moment #{ $number }
comment-notice-answer = { $who } answered your comment on #{ $number }
mention-notice = { $who } mentions you in #{ $number }
mention-notice-comment = { $who } mentions you in a comment on #{ $number }
comment-notice-about = “{ $text }”
comment-notice-howto = Reply to this message to answer.

## Changing and deleting
moment-deleted = Deleted. I am taking back every copy that I can reach; in a chat that I was thrown out of, a copy stays.{ $seconds ->
    [0] { "" }
   *[other] { " " }`undo` brings it back within { $seconds } seconds.
}
copies = #{ $number } could be seen by { $count ->
    [one] one person
   *[other] { $count } people
}, now or earlier, so up to that many have a copy:
copies-gone = #{ $number } is gone. It could be seen by { $count ->
    [one] one person
   *[other] { $count } people
}, so up to that many had a copy, which I take back:
copies-server = { $server }: up to { $count }
copies-server-unreached = { $server }: up to { $count }; { $unreached ->
    [one] the chat of one of them I can't reach
   *[other] the chats of { $unreached } of them I can't reach
}
copies-others = { $servers ->
    [one] one other server
   *[other] { $servers } other servers
}: up to { $count }; not reached: { $unreached }
copies-none = Nobody else could see #{ $number }, now or earlier, so there is no copy of it.
copies-strangers = It is or was public: strangers who looked are not counted.
copies-howto = Counted is who could see it, not who did: that I tell nobody. A chat that I can't reach is one that I was thrown out of or they have left, or where I am forbidden to take anything back. What is to be taken back there I try for { $days } days.
copies-word = `moment { $number }` shows that moment; `moment { $number } copies` says where copies of it may be. I don't understand “{ $word }” there.
copies-may-stay = These chats of people who could see it I can't reach, so a copy may stay there. `moment { $number } copies` says more.
copies-unreached = { $server }: { $count }
undo-none = There is nothing to take back: `undo` is for the last post, deletion or change of privacy, within { $seconds } seconds.
undo-post = Taken back. #{ $number } is gone, with every copy that I can reach.
undo-delete = #{ $number } is back. Whoever may see it sees it again when they read.
undo-setting = It is as it was before.
moment-changed = #{ $number } is changed.
edit-not-understood = I no longer understand that message, so nothing is changed. Leave its beginning as it was and edit the text behind it.
edit-audience = An edit can't change who sees it, so nothing is changed. `audience` does that, with its number.
edit-audience-draft = An edit can't change who sees it, so nothing is changed. `draft to` does that: `draft to #family`
edit-part-gone = I no longer know which part of #{ $number } that message brought, as its text was changed since. Nothing is changed now; `edit { $number } TEXT` says all of it anew.
edit-text-alone = An edit changes the text alone, and that would change something else too, so nothing is changed. Leave what stands before the text as it was.
edit-mention-outside = { $user } does not see this post, so it can't mention them. `audience` lets them see it; a name between backticks mentions nobody. Nothing was changed.

## Help
help-post = shares something with all your friends
    .details = `post Hello from the lake`. A picture with the caption `post …` is shared too. Editing your message changes the text (of several messages, the part that it brought), deleting it deletes the moment. Before the text, each with a | behind it, may stand: `to #family`, `at 18:00`, `cw Spiders`, `poll Yes / No`, `expire 24h`, `responses nobody`, `geo:47.37,8.54`, and with a picture `alt A lake at dawn`.
help-post-to = shares something with exactly whom you say
    .details = `post to friends | Hello`, `post to private | Only for me`, `post to @bob:example.org #family | Hello`, `post to friends except #work | Hello`, `post to public | Hello all`. For a friend, `@bob` is enough where it can mean only one: the remark that you gave them, or the beginning of their Matrix id. A line break does the same as |. A friend is mentioned by `@` and the Matrix id, name or remark. A tag means who is in it now; `post to #family live | …` follows it. Whom a tag leaves out is left out at any time. Who stops being a friend stops seeing it.
help-feed = shows the newest moments of you and your friends
    .details = Reply to one to comment on it, or react with a heart to like it. The numbers are your own; nobody else has the same.
help-feed-compact = shows lists as one message a page from now on
    .details = `feed`, `album` and `search` then show ten moments in short in one message. `moment 3` shows one with its text and pictures. To answer, begin a reply with the number: `#3 How lovely`. `feed full` goes back.
help-feed-full = shows each moment as a message of its own again
    .details = With its text, its pictures and its last comments. `feed compact` is the other form.
help-feed-more = shows the next older ones
    .details = It goes on after the last `feed` or `album`.
help-album = shows your own moments, or those of one friend
    .details = `album @bob:example.org` shows what Bob lets you see.
help-moment = shows one moment with all its comments
    .details = `moment 3` takes your number from `feed` or `album`. For one of your own, `moment 3 copies` says on which servers there may be copies of it, and where I can't take them back; also for some weeks after it is gone.
help-open = opens a mini-program, or a moment that is behind a warning
    .details = `open word` opens the mini-program of that name; `apps` shows them. `open 3` is the same as `moment 3`.
help-like = likes a moment
    .details = `like 3`, or react to it with a heart or 👍. Reactions are not encrypted in Matrix: the homeserver sees the emoji and to what it belongs. `like 3` is encrypted.
help-unlike = takes a like back
    .details = `unlike 3`. Removing your reaction does the same.
help-comment = comments on a moment
    .details = `comment 3 How lovely`, or reply to the moment. The author sees it, and those friends of yours who see the moment too; nobody else. Deleting your message deletes the comment.
help-vote = votes in the poll of a moment
    .details = `vote 3 2` chooses the second answer of #3; a reply to the moment with the number does the same. One answer each; a later one takes its place. Who sees your vote is who would see your like: the author, and friends of yours who see the moment.
help-unvote = takes a vote back
    .details = `unvote 3`. That is possible also when the poll is closed.
help-poll-close = closes the poll of one of your moments
    .details = `poll close 3`. Nobody can vote any more; what was voted stays. A poll begins like this: `post poll Yes / No | Shall we go?`
help-undo = takes back your last post, deletion or change of privacy
    .details = It works for a short time, for the last of them; another audience of a moment is a change of privacy, too. A post that is taken back is destroyed at once. What you delete is out of everybody's sight at once, and destroyed after that time. What somebody has read, they have read.
help-delete = deletes one of your moments
    .details = `delete 3`. Every copy that was shown is taken back. Deleting your own message does the same.

alias-post = share
alias-post-to = share with
alias-feed = moments
alias-feed-compact = compact feed
alias-feed-full = full feed
alias-feed-more = more
alias-album = posts
alias-moment = show
alias-open = unhide
alias-like = love
alias-unlike = unlove
alias-comment = reply
alias-vote = choose
alias-unvote = take vote back
alias-poll-close = close poll
alias-undo = take back
alias-delete = remove
