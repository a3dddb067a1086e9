# Privacy: `privacy recovery` and what belongs to it.

help-group-privacy = **Privacy**
help-privacy-recovery = asks for proof that it is you, should your encryption identity be reset
    .details = Use `on`, `off`, or nothing to see how it is set.
help-recover = goes on after your encryption identity was reset
    .details = Type it in a session that you had verified before, or with the code that `privacy recovery on` gave you.
alias-privacy-recovery = privacy-recovery
alias-recover = unlock

recovery-on = From now on, should your encryption identity ever be reset, I keep everything personal back until you confirm that it is you: with `recover` in a session that was verified before, or with this code. Write it down and then remove this message: **{ $code }**
recovery-off = Recovery is off. Should your encryption identity be reset, I tell you and go on.
recovery-is-on = Recovery is on. `privacy recovery on` gives you a new code, `privacy recovery off` turns it off.
recovery-is-off = Recovery is off. `privacy recovery on` turns it on and gives you a code.
recovery-switch = It is either `privacy recovery on` or `privacy recovery off`.
recovery-unsigned = Please verify this session in your app's security settings first, then switch it on: from then on I take nothing from sessions that you have not verified.
recovery-not-paused = There is nothing to recover: all is as usual.
recovery-wrong-code = That is not the code. Nothing was changed.
recovery-new-session = This session was not verified before your encryption identity was reset. Please use one that was, or type `recover` and the code that you were given.
recovery-done = Welcome back. Everything goes on as before. If you have not reset your encryption identity yourself, change your account's password now.
identity-changed-paused = Your encryption identity has been reset. As you asked me to, I keep everything personal back until you confirm that it is you: type `recover` in a session that you had verified before, or `recover` and your code.
paused = I keep everything personal back, because your encryption identity was reset. Type `recover` in a session that you had verified before, or `recover` and your code.

## `privacy` and `privacy set`
privacy-head = **What you show to whom**
privacy-row = { $number } — { $line }
privacy-here = I speak English with you, and your times are those of { $zone }: `language 中文`, `timezone Europe/Berlin`.
privacy-howto = Answer with a number to change it. By command: `privacy set window 6m`, `privacy set phone #family`, `privacy set mine @bob:example.org off` (they don't see yours), `privacy set theirs @bob:example.org off` (you don't see theirs), `privacy set chats-only @bob:example.org on` (these three are for friends; who is none can be left out of a post, or blocked).
privacy-window-3d = Your friends see your moments for 3 days.
privacy-window-1m = Your friends see your moments for a month.
privacy-window-6m = Your friends see your moments for six months.
privacy-window-all = Your friends see your moments however old they are.
privacy-strangers-on = Strangers see your 10 newest public moments.
privacy-strangers-off = Strangers see nothing of your moments.
privacy-by-id-on = You can be added by your Matrix id.
privacy-by-id-off = You can't be added by your Matrix id: a request looks as if you were not here.
privacy-by-code-on = You can be added by your invite codes.
privacy-by-code-off = You can't be added by invite codes: none of yours works.
privacy-by-room-on = Who shares a room with you and me can add you by your Matrix id.
privacy-by-room-off = Sharing a room with you and me is no way to add you.
privacy-reactions-on = Your reactions count as likes. They travel unencrypted: your homeserver sees them.
privacy-reactions-off = Your reactions count for nothing; `like N` travels encrypted.
privacy-field = Your { $field }: for { $audience }.
privacy-mine-on = { $who } may see your moments again.
privacy-mine-off = { $who } does not see your moments any more, and is not told.
privacy-theirs-on = You see the moments of { $who } again.
privacy-theirs-off = You don't see the moments of { $who } any more. They can't find out.
privacy-chats-only-on = { $who } is a friend for chats only: neither of you sees the other's moments. They are not told.
privacy-chats-only-off = { $who } is a friend for moments again.
privacy-shut-out = These don't see your moments: { $people }
privacy-hidden = You don't see the moments of: { $people }
privacy-chats-only = Friends for chats only: { $people }
privacy-blocked = Blocked: { $people }
privacy-again-mine = { $who }: sees your moments again
privacy-again-theirs = { $who }: you see their moments again
privacy-again-chats-only = { $who }: you see each other's moments again
privacy-again-blocked = { $who }: is blocked no more
privacy-value-3d = 3 days
privacy-value-1m = a month
privacy-value-6m = six months
privacy-value-all = however old
privacy-value-on = on
privacy-value-off = off
privacy-value-everyone = everyone
privacy-value-friends = your friends
privacy-value-me = you alone
privacy-value-public = everyone
privacy-value-private = you alone
privacy-post = Your posts are for { $audience }, unless you say otherwise.
privacy-post-later = What you posted before stays as it is.
privacy-post-gone = Your posts have no audience any more: somebody or a tag in it is gone. Choose a new one, like this: `privacy set post friends`
privacy-window-values = It is one of `3d`, `1m`, `6m` or `all`. Nothing was changed.
privacy-on-off = It is either `on` or `off`. Nothing was changed.
privacy-key-unknown = I know no setting “{ $key }”. `privacy` shows them all.

## View as
view-as-head = **What { $who } gets of you.** Likes and comments of others are left out: they depend on whose friends others are, and that is not yours to know.
view-as-stranger = a stranger
view-as-moment = **#{ $number }** · { $time }
view-as-no-profile = Nothing of your profile.
view-as-no-moments = No moments.
view-as-more = Shown here are the newest { $count } of your moments that they get; in their pages there are more.
view-as-looked = I looked at your newest { $count } moments; what is older is not told here.
view-as-whom = Say whose eyes: somebody else like @bob:example.org, a tag like #family, or `stranger`.

## Why
why-yes = Yes, { $user } can see your { $what }.
why-no = No, { $user } can't see your { $what }.
why-moment = moment #{ $number }
why-rule = { $rule } (rule { $number })
why-what = Say what of yours: `why can @bob:example.org see 3` for a moment, `why can bob see phone` for a part of your profile. A friend may be written as you know them.
why-not-yours = That moment is not yours. Only its author can ask.

## The rules in words
rule-default = Nothing allows it.
rule-own = It is their own.
rule-blocked = You are blocking { $user }.
rule-blocked-by-viewer = { $user } blocks you.
rule-expired = Its time is over.
rule-private = It is for you alone.
rule-stranger = { $user } is not among your friends.
rule-strangers-off = { $user } is not among your friends, and strangers see nothing of yours.
rule-strangers-older = { $user } is not among your friends, and strangers see only your newest public moments.
rule-strangers = It is public, and you let strangers see your newest public moments.
rule-chats-only = For you, { $user } is a friend for chats only.
rule-chats-only-by-viewer = For { $user }, you are a friend for chats only.
rule-shut-out = You don't let { $user } see your moments, by name or by a tag.
rule-hidden = { $user } hides your moments.
rule-window = It is older than what you show.
rule-excluded = You left { $user } out by name.
rule-excluded-tag = { $user } is in a tag that you left out.
rule-public = It is for everyone.
rule-friends = It is for your friends, and { $user } is one.
rule-named = You named { $user }, or a tag that { $user } was in then.
rule-tagged = { $user } is in a tag that the moment follows.
rule-not-named = You named others.
rule-unknown-audience = This version does not know its audience.
rule-writer-outside = Who wrote it no longer sees the moment.
rule-writer-blocked = { $user } blocks who wrote it.
rule-writer-shut-out = Who wrote it does not let { $user } see theirs.
rule-to-author = It is under their own moment.
rule-friend-of-writer = { $user } is a friend of who wrote it.
rule-not-friend-of-writer = { $user } is no friend of who wrote it.
rule-field-everyone = That part of your profile is for everyone.
rule-field-friends = That part of your profile is for friends, and { $user } is one.
rule-field-tagged = That part of your profile is for { $user }, by name or by a tag.
rule-field-left-out = That part of your profile is not for { $user }.
rule-field-private = That part of your profile is for you alone.
rule-account-to-friends = Friends know of each other.
rule-friendship = The two friends know it.
rule-owners-notes = Tags and remarks are for their owner alone.
rule-asked = { $user } was asked.
rule-not-pending = The request is no longer open.

## Checkup
checkup-head = **A look at what you show**
checkup-friends = You have { $count ->
    [0] no friends here yet.
    [one] one friend here.
   *[other] { $count } friends here.
}
checkup-old-tag = #{ $tag } has not changed for half a year ({ $count ->
    [one] one person
   *[other] { $count } people
}). Is everybody in it still right there?
checkup-invites = { $count ->
    [one] One of your invite codes works
   *[other] { $count } of your invite codes work
}: `invites` shows them.
checkup-fine = Nothing here is wider than most people want it.
checkup-advices = You may want to change:
checkup-left = What else you may want to change:
checkup-post = Your posts are for everyone, unless you say otherwise. — Make them for your friends.
checkup-window = Your friends see moments however old they are. — Show them for six months.
checkup-strangers = Strangers see your newest public moments. — Show them nothing.
checkup-field = Your { $field } is for { $audience }. — Narrow it.
checkup-reactions = Your reactions travel unencrypted. — Let them count for nothing.

## Who can read this
disclosure-head = **Who can read this**
disclosure-friends = The friends that you choose read what you show them; `why can @bob:example.org see 3` says why. What they have read they can copy: no bot can prevent that.
disclosure-operator = Whoever runs this bot could read what passes through it, and everything that is kept, for I am one end of the encryption.
disclosure-operator-named = { $name } runs this bot, and could read what passes through it, and everything that is kept, for I am one end of the encryption.
disclosure-kept = What is kept is sealed under a key of yours: a stolen database alone tells nothing of it. Who is friends with whom stands there under random numbers.
disclosure-server = Your homeserver { $server }, which is mine too, reads none of it, but sees that you talk to me, when, how much, and what answers, edits or deletes what.
disclosure-servers = Your homeserver { $own } and mine, { $bots }, read none of it, but see that you talk to me, when, how much, and what answers, edits or deletes what.
disclosure-reactions = Reactions travel unencrypted: homeservers see the emoji and what it is for. `privacy set reactions off` lets yours count for nothing.
disclosure-no-reactions = Reactions travel unencrypted, and count for nothing with you.
disclosure-clients = Your Matrix client, and every session of yours, reads all that is written here. `log` shows which sessions have spoken to me.
disclosure-program-servers = Some run on servers of their developers ({ $servers }): what you type to those leaves the encryption, once you have agreed to it.
disclosure-programs = Mini-programs read what you type to them while they are open, and the parts of your profile that you granted; never who you are. `apps sent` shows exactly what.
disclosure-files = Deleted pictures stay on the homeserver as encrypted files whose keys are gone; Matrix lets nobody delete them.
disclosure-files-deleted = Pictures lie on my homeserver as encrypted files. Of what is deleted I have the file deleted as well; copies that other homeservers have fetched stay there, without a key.

## Log
log-none = Nothing but this has read anything of yours.
log-head = **What read something of yours**
log-device = { $time }: your session { $device } spoke to me for the first time.
log-foot = Friends' reading is never noted.

## Help
help-privacy = shows what you show to whom, with numbers to change it
    .details = `privacy set` changes one thing by name, `privacy checkup` walks through it, `view as @bob:example.org` shows what somebody gets.
help-privacy-set = changes what you show to whom
    .details = `privacy set window 3d`, `1m`, `6m` or `all`; `privacy set strangers`, `by-id`, `by-code`, `by-room`, `reactions`, `keep-comments` with `on` or `off`; a part of the profile with an audience: `privacy set phone #family`, `privacy set bio everyone`, `privacy set region friends except @bob:example.org`; `privacy set post #family`, for whom your posts are when you say nothing else; `privacy set mine @bob:example.org off` or `#work off`, `privacy set theirs @bob:example.org off`, `privacy set chats-only @bob:example.org on`.
help-privacy-checkup = walks through what you show, and says what is wide
    .details = Answer with the number of an advice to follow it.
help-view-as = shows what somebody gets of you
    .details = `view as @bob:example.org`, `view as #family`, `view as stranger`: your profile and the newest of your moments, as they get them.
help-why-can = says why somebody can see something of yours
    .details = `why can @bob:example.org see 3` for a moment, `why can @bob:example.org see phone` for a part of your profile.
help-why-cant = says why somebody can't see something of yours
    .details = `why can't @bob:example.org see 3` for a moment, `why can't bob see phone` for a part of your profile. A friend may be written as you know them.
help-who-can-read-this = tells the truth about who can read what
    .details = For this very installation.
help-log = shows what read something of yours
    .details = Mini-programs, exports, operators and your own sessions. Friends' reading is never noted.
alias-privacy = my privacy
alias-privacy-set = set privacy
alias-privacy-checkup = checkup
alias-view-as = preview as
alias-why-can = why does
alias-why-cant = why can’t, why cannot, why cant
alias-who-can-read-this = who can read this?
alias-log = access log
