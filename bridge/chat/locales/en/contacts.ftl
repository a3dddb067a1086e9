# Friends, requests and profiles.

## How people are called
person-you = you
person-id = { $user }
person-damaged = somebody (their entry is damaged)
person-named = { $name } ({ $user })
person-list = { $first }, { $next }

## Asking
friend-asked = Your request waits for { $user } now. When they accept, I will tell you.
kept-chats-only = As you had set: { $user } is a friend for chats only. To change it: `privacy set chats-only { $user } off`
kept-mine = As you had set: { $user } does not see your moments. To change it: `privacy set mine { $user } on`
kept-theirs = As you had set: you don't see the moments of { $user }. To change it: `privacy set theirs { $user } on`
kept-tags = Still in your tags: { $tags }.
lookalike-user = Look twice: { $user } reads much like { $other }, and is somebody else.
lookalike-user-letters = Look twice: { $user } has letters that are not a to z, and may be meant to look like another one.
lookalike-tag = Look twice: #{ $tag } reads much like your #{ $other }, and is another tag.
lookalike-tag-letters = Look twice: #{ $tag } mixes letters of several alphabets that look alike.
friend-new = You and { $user } are friends now.
friend-self = That is you. Friends are other people.
friend-server = People of { $server } can't use me: whoever runs me has ruled that server out. Nothing was changed.
friend-already = You and { $user } are friends already.
friend-note-too-long = The note is too long. At most { $limit } characters are possible.
friend-too-many-requests = { $limit } of your requests are still unanswered. Please wait until some of them are accepted.
friend-limit = There is room for { $limit } friends and open requests, and it is full. Remove somebody first.

## Being asked
request-notice = { $who } would like to be your friend. Friends see each other's moments.
request-notice-note = They write: { $note }
request-choice-accept = 1 — accept
request-choice-decline = 2 — decline; they are not told
request-notice-howto = Answer with the number.
request-gone = That request is no longer open.
request-none-number = There is no open request { $number }. Type `friends` to see them.
request-none-user = There is no open request of { $user }.
friend-declined = Declined. { $user } is not told.

## Parting
friend-removed = { $user } is no longer among your friends and is not told. You don't see each other's moments any more, and what was shown is being taken back{ $copies ->
    [0] .
    [one] : of yours, up to one copy.
   *[other] : of yours, up to { $copies } copies.
}
friend-not-removed = { $user } is not among your friends. If you had asked them, that request is taken back.

## Lists
friends-none = You have no friends here yet. Ask somebody with `friend add @user:server`.
friends-head = { $count ->
    [one] **Your friend**
   *[other] **Your { $count } friends**
}
requests-head = **They would like to be your friends**
request-line = { $number } — { $user }
request-line-note = { $number } — { $user }: { $note }
requests-howto = `friend accept 1` accepts, `friend decline 1` declines silently.

## Profiles
profile-head = **{ $user }**
profile-empty = Nothing for you to see.
remark-damaged = (The private name and the note that you kept are damaged and can't be read any more: set them again.)
profile-damaged = (A field is damaged and can't be read any more: set it again.)
profile-none = There is no profile of { $user } for you to see.
profile-howto = Change it with `profile set name …`; `privacy` says who sees which part.
profile-set = Done: your { $field } is changed.
profile-cleared = Done: your { $field } is empty now.
profile-field-unknown = “{ $field }” can't be the name of a field. There are `name`, `avatar`, `bio`, `region`, `birthday`, `phone`, `email`, or a word of your own.
profile-too-long = That is too long. At most { $limit } characters are possible.

## Help
help-friends = shows your friends, and who would like to be one
    .details = Open requests have numbers, for `friend accept N` and `friend decline N`.
help-friend-add = asks somebody to be your friend
    .details = A note goes with it: `friend add @bob:example.org We met at the lake`. Until they accept, you see nothing of each other. You get the same answer whether or not they use this bot.
help-friend-accept = accepts a request
    .details = `friend accept 1` takes the number from `friends`, `friend accept @bob:example.org` the person.
help-friend-decline = declines a request, silently
    .details = The person who asked is not told and can't find out.
help-friend-remove = ends a friendship, silently
    .details = From then on you see nothing of each other, and moments that were shown are taken back. It also takes back a request of your own.
help-profile = shows your profile, or a friend's
    .details = `profile @bob:example.org` shows what you may see of Bob.
help-profile-set = fills in your profile
    .details = `profile set name Alice`, `profile set bio I like lakes`; `region`, `birthday`, `phone`, `email`, or a field of your own: `profile set hobby sailing`. A picture with the caption `profile set avatar` becomes your avatar. Without a value the field becomes empty. `privacy` says who sees what.

alias-friends = contacts
alias-friend-add = add friend
alias-friend-accept = accept friend
alias-friend-decline = decline friend
alias-friend-remove = remove friend, unfriend
alias-profile = about
alias-profile-set = set profile

## Fields of a profile
profile-line = { $field }: { $value }
profile-too-many = There is room for { $limit } fields of your own. Empty one of them first.
profile-no-picture = Only the avatar is a picture. Nothing was changed.
profile-needs-picture = Send a picture with the caption `profile set avatar`. Nothing was changed.
field-name = name
field-avatar = avatar
field-bio = bio
field-region = region
field-birthday = birthday
field-phone = phone
field-email = e-mail
field-free = { $name }
label-name = Name
label-avatar = Avatar
label-region = Region
label-birthday = Birthday
label-phone = Phone
label-email = E-mail

## More about friends
friend-new-chats = You and { $user } are friends now, for chats only: neither of you sees the other's moments. They are not told.
request-choice-chats = 3 — accept, for chats only: you don't see each other's moments, and they are not told
whom-none = You know no friend as “{ $name }”. Write a Matrix id, like @bob:example.org.
whom-which = You know several friends as “{ $name }”: { $users }. Write the Matrix id of the one that you mean.
friend-none = { $user } is not among your friends.
friend-you-block = You are blocking { $user }. Use `unblock { $user }` first.
friend-line-blocked = { $who } — blocked
past-question = What you liked and commented under their moments is out of sight now. Should it stay, in case you become friends again?
past-keep = 1 — keep it
past-withdraw = 2 — take it back for good
past-kept = It stays.
past-withdrawn = Your likes and comments under their moments are gone.

## Blocking and private names
block-done = You block { $user } now. They are not told: to them you look like somebody who shows nothing any more, and what they send you does not arrive. `unblock { $user }` ends it.
block-self = You can't block yourself.
block-limit = You can block { $limit } people, and that many you do. Unblock somebody first.
unblock-done = You no longer block { $user }.
unblock-none = You were not blocking { $user }.
remark-name = Done. You see them under that name from now on, and nobody else does.
remark-name-none = Done. You see { $user } under their own name again.
remark-note = Done. The note about { $user } is for you alone.
remark-note-none = Done. The note about { $user } is gone.
remark-too-long = That is too long. At most { $limit } characters are possible.
remark-shown = You call them: { $name }
note-shown = Your note: { $note }

## Tags
tags-none = You have no tags yet. `tag add #family @bob:example.org` makes one.
tags-head = **Your tags** (for you alone)
tag-line = #{ $tag }: { $people }
tag-line-empty = #{ $tag }: nobody
tag-added = In #{ $tag } now: { $people }.
tag-removed = No longer in #{ $tag }: { $people }.
tag-renamed = #{ $old } is called #{ $new } now.
tag-deleted = #{ $tag } is deleted. Whom it left out stays left out.
tag-none = You have no tag #{ $tag }. `tags` shows yours.
tag-exists = You have a tag #{ $tag } already.
tag-name = A tag is one word of at most { $limit } characters, like #family.
tag-limit = You can have { $limit } tags, and that many there are. Delete one first.
tag-members-limit = At most { $limit } people fit into one tag.
tag-not-in = { $user } is not in #{ $tag }.
tag-people = Name one to { $limit } people, like @bob:example.org.

## Invites
invite-new = Whoever types this to me becomes your friend: **invite { $code }**. It works { $uses ->
    [one] once
   *[other] { $uses } times
}, until { $time }.
invite-new-scan = To get to me they scan the QR code or open { $link }, and start a chat. Then they type the words below the code.
invite-new-howto = To get to me they open { $link } and start a chat.
invite-uses = A code can work { $limit } times at most.
invite-expiry = Say how long it works like this: `12h`, `3d` or `2w`, at most { $days } days.
invite-limit = { $limit } of your codes work already. Take one back first: `invites` shows them.
invite-none = That code does not work. Codes work for a limited time and number of people.
invite-own = That is your own code. Give it to somebody else.
invites-none = None of your codes works now. `invite new` makes one.
invites-head = **Your invite codes**
invite-line = { $code } — { $uses ->
    [one] once
   *[other] { $uses } times
} more, until { $time }
invites-howto = `invite revoke CODE` takes one back.
invite-revoked = That code no longer works.
invite-not-yours = You have no such code.

## Audiences in words
audience-word-public = everyone
audience-word-friends = your friends
audience-word-private = you alone
audience-word-tag = #{ $tag }
audience-word-tag-live = #{ $tag } (followed)
audience-word-more = { $count } more
audience-word-more-tags = { $count } more tags
audience-word-except = { $in } except { $out }

## What a change changes
impact-lost = { $people ->
    [one] One person loses
   *[other] { $people } people lose
} sight of { $moments ->
    [one] one moment
   *[other] { $moments } moments
}. { $copies ->
    [one] Up to one copy is being taken back, wherever it was shown.
   *[other] Up to { $copies } copies are being taken back, each wherever it was shown.
}
impact-lost-least = At least { $people ->
    [one] one person loses
   *[other] { $people } people lose
} sight of { $moments ->
    [one] one moment
   *[other] { $moments } moments
}. { $copies ->
    [one] Up to one copy is being taken back, wherever it was shown.
   *[other] Up to { $copies } copies are being taken back, each wherever it was shown.
}
impact-gained = { $people ->
    [one] One person sees
   *[other] { $people } people see
} { $moments ->
    [one] one more moment
   *[other] { $moments } more moments
} now.
impact-gained-least = At least { $people ->
    [one] one person sees
   *[other] { $people } people see
} { $moments ->
    [one] one more moment
   *[other] { $moments } more moments
} now.
impact-none = For what you have posted so far, nothing changes.
impact-none-least = For your newest { $moments } moments nothing changes. The new rule holds for older ones too.
impact-strangers-lost = Strangers lose sight of { $moments ->
    [one] one moment
   *[other] { $moments } moments
}. Up to one copy of each is being taken back from every stranger who looked.
impact-strangers-gained = Strangers see { $moments ->
    [one] one more moment
   *[other] { $moments } more moments
} now.
impact-field-lost = { $people ->
    [one] One friend does not see it any more. Up to one copy is being taken back.
   *[other] { $people } friends do not see it any more. Up to { $people } copies are being taken back.
}
impact-field-gained = { $people ->
    [one] One friend more sees it now.
   *[other] { $people } friends more see it now.
}
impact-field-strangers-lost = Strangers do not see it any more. Up to one copy is being taken back from each who looked.
impact-field-strangers-gained = Strangers who look see it now.
impact-field-none = For your friends nothing changes.
impact-field-empty = It is empty so far: there is nothing to see yet.

## More help
help-block = lets nothing of somebody reach you, silently
    .details = To them you look like somebody who shows nothing. Requests, likes and comments of theirs do not arrive.
help-unblock = ends a block
    .details = Everything is as before; they are not told.
help-remark = gives a friend a name that only you see
    .details = `remark @bob:example.org Bob from the lake`. Without a name you see their own again.
help-note = keeps a note about a friend, for you alone
    .details = `note @bob:example.org likes tea`. Without a text it is removed. `profile @bob:example.org` shows it to you.
help-tags = shows your tags
    .details = Nobody but you sees tags, least of all who is in them.
help-tag-add = puts friends into a tag
    .details = `tag add #family @bob:example.org @carol:example.org`. Then `post to #family | …` is for them.
help-tag-remove = takes somebody out of a tag
    .details = What a moment showed to the tag as it was then stays; what follows the tag live goes.
help-tag-rename = gives a tag another name
    .details = `tag rename #work #office`
help-tag-delete = deletes a tag
    .details = Deleting a tag never shows anybody more: whom it left out stays left out.
help-invite = makes you a friend of who gave you a code
    .details = `invite K7QF-9XMP-2RTA`
help-invite-new = makes a code that makes friends
    .details = `invite new` works once, for a week; `invite new 5 3d` five times, for three days.
help-invites = shows your codes
    .details = Only those that still work.
help-invite-revoke = takes a code back
    .details = Who became your friend by it stays so.
alias-block = ignore
alias-unblock = unignore
alias-remark = alias
alias-note = notes
alias-tags = my tags
alias-tag-add = add tag
alias-tag-remove = remove tag
alias-tag-rename = rename tag
alias-tag-delete = delete tag
alias-invite = use invite
alias-invite-new = new invite
alias-invites = my invites
alias-invite-revoke = revoke invite

# --- private chats
chat-asked = I invite { $user } to a chat with you alone. When they are in, I invite you too, and when you both are, I leave: what you write there I can't read, and never could. If they don't come, I tell you.
chat-waits = A private chat with { $user } is being prepared already. I tell you how it goes.
chat-invited-already = { $user } has asked for a private chat with you already: look at your invitations.
chat-limit = You can ask for { $limit } private chats a day. Please wait until tomorrow.
private-chat-asked = { $user } would like a chat with you alone. The new room that I invite you to is for that: join it if you want. When you are both in, I leave, and can't read what you write. If you don't want to, do nothing: nobody is told.
private-chat-ready = { $user } is in. Your invitation to the new room is on its way. When you have joined, I leave, and the room belongs to the two of you.
private-chat-over = Nothing has come of the private chat with { $user }: not everybody joined in time. I have closed it. `chat { $user }` asks again.
help-chat = opens a chat for a friend and you alone, which I can't read
    .details = `chat @bob:example.org`. I make an encrypted room, invite you both, and leave as soon as you are in.
alias-chat = private chat
