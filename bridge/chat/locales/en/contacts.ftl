# Friends, requests and profiles.

## How people are called
person-you = you
person-id = { $user }
person-damaged = somebody (their entry is damaged)
person-named = { $name } ({ $user })
person-list = { $first }, { $next }

## Asking
friend-asked = Your request waits for { $user } now. When they accept, I will tell you.
friend-new = You and { $user } are friends now.
friend-self = That is you. Friends are other people.
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
friend-removed = { $user } is no longer among your friends and is not told. You don't see each other's moments any more, and I am taking back the ones that were shown.
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
profile-name = Name: { $name }
profile-empty = Nothing is filled in yet.
profile-none = There is no profile of { $user } for you to see.
profile-howto = Your friends see this. Change it with `profile set name …` or `profile set bio …`.
profile-set = Done. Your friends see your new { $field ->
    [name] name
   *[bio] bio
}.
profile-cleared = Done. Your { $field ->
    [name] name
   *[bio] bio
} is empty now.
profile-field-unknown = I know no field “{ $field }”. There are `name` and `bio`.
profile-too-long = Your { $field ->
    [name] name
   *[bio] bio
} is too long. At most { $limit } characters are possible.

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
    .details = `profile set name Alice` and `profile set bio I like lakes`. Without a value the field becomes empty. Only your friends see it.

alias-friends = contacts
alias-friend-add = add friend
alias-friend-accept = accept friend
alias-friend-decline = decline friend
alias-friend-remove = remove friend, unfriend
alias-profile = about
alias-profile-set = set profile
