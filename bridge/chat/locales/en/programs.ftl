# Mini-programs in the chat: finding, opening, what they may know.

help-group-apps = **Mini-programs**
help-apps = shows the mini-programs that you can open
    .details = `open NAME` opens one, `close` closes it. While one is open, what you type here and what is no command of mine goes to it; its name in front (`word hello`) always does.
help-apps-search = looks for mini-programs
    .details = `apps search game`
help-apps-mine = shows the mini-programs that you have opened, the last first
help-close = closes the mini-program that is open here
help-grants = shows what mini-programs may know of you
    .details = Each has a number: `revoke 2` takes number 2 back.
help-revoke = takes back what a mini-program may know
    .details = `revoke 2`. The numbers stand in `grants`. It knows nothing of it from then on; what it has kept, it has.
help-apps-preview = shows the exact data that a mini-program would be told if you opened it now
    .details = `apps preview word`
help-apps-sent = shows the exact data that mini-programs were told of you last
    .details = `apps sent`, or `apps sent word` for one of them; `apps sent 2` or `apps sent word 2` goes on.
help-apps-stop = ends the messages that a mini-program sends by itself
    .details = `apps stop word`, or `apps stop` for all of them.
help-apps-reset = lets you begin anew in a mini-program, as somebody whom it does not know
    .details = `apps reset word`. What it had stored for you is deleted, and it is told that somebody has left; nothing connects the two of you.

alias-apps = mini-programs, miniprograms
alias-apps-search = app search
alias-apps-mine = my apps
alias-close = close app
alias-grants = app grants
alias-revoke = app revoke
alias-apps-preview = app preview
alias-apps-sent = app sent
alias-apps-reset = app reset
alias-apps-stop = app stop

param-payload = payload
    .required = PAYLOAD
param-page = page
    .required = PAGE

## Finding
apps-head = **Mini-programs**
apps-found = **Mini-programs that fit**
apps-mine = **Your mini-programs**
apps-line = `{ $name }` · { $title }: { $about }{ $open ->
    [yes] {" "}(open here)
   *[no] {""}
}
apps-howto = `open NAME` opens one. None of them ever learns who you are.
apps-head-none = There are no mini-programs here yet.
apps-found-none = No mini-program fits. `apps` shows them all.
apps-mine-none = You have not opened a mini-program yet. `apps` shows what there is.

## Opening and closing
program-first = This is { $title }, a mini-program. It does not learn who you are: it knows you by an id that only it has, and what you type to it.
program-first-asks = It may ask you for this, and gets it only if you say yes:
program-first-scope = – { $scope }
program-first-commands = It understands:
program-help = **{ $title }** is open here. It understands:
program-command = `{ $name }` — { $about }
program-first-foot = Commands of mine work as always while it is open. `close` closes it, `apps preview NAME` shows what it is told.
program-in-room = { $title } is open here, for everybody. What you say to it begins with `!`, like `!hello`; `!close` closes it. It does not learn who you are: it knows you by an id that it has for you in this room alone. What is for you alone comes in your own chat with me.
program-closed = { $title } is closed.
program-ended = { $title } has ended. `open NAME` opens it again.
program-unknown = I know no mini-program “{ $name }”. `apps` shows what there is.
program-none-open = No mini-program is open here. `apps` shows what there is.
program-closed-already = That mini-program is not open any more, so nothing was done. `apps mine` shows how to open it again.
program-unsure = Your app does not protect which message you answer, so this may be meant for something else. A number chooses; all else, please say in the room, with `!`.
program-suspended = { $title } has failed too often and has a rest. Please try again later.
program-off = { $title } can't be used at the moment. It is closed.
program-slow = That was a lot at once for { $title }. Please wait a moment; nothing was done.
program-trap = { $title } could not handle that. Nothing was changed; you can go on from where you were.
program-unavailable = { $title } can't be run at the moment. Nothing was changed; please try again later.
program-chain = { $title } was stopped, because it did not come to an end by itself. It is closed.

## What a program shows
program-says = **{ $title }**
program-choice = { $number }. { $label }
program-choose = Answer with a number.
program-choose-room = Answer with `!` and a number, like `!1`.
program-choose-reply = Answer this message with a number, here.
program-picture = (picture: { $alt })
program-alt = { $alt }

## Forms
program-ask = { $label } ({ $number }/{ $count }){ $optional ->
    [yes] {" "}– `-` leaves it out
   *[no] {""}
}
program-ask-howto = `back` goes back, `cancel` leaves the form.
program-ask-howto-reply = Answer this message, here. `back` goes back, `cancel` leaves the form.
program-misread-missing = { $what } is missing.{ $usage }
program-misread-extra = That is more than the command takes.{ $usage }
program-misread-integer = { $what } – please give a whole number.
program-misread-number = { $what } – please give a number.
program-misread-boolean = { $what } – please answer yes or no.
program-misread-choice = { $what } – please choose one of those that were shown.
program-misread-date = { $what } – please give a date like 2026-03-01, or 2026-03-01 18:30.
program-misread-long = { $what } – at most { $bound } characters are possible.
program-misread-small = { $what } – it should be at least { $bound }.
program-misread-large = { $what } – it should be at most { $bound }.

## What a program may know
program-wants = { $title } asks for { $scope }.
program-purpose = What for: { $purpose }
program-wants-notify = { $title } asks whether it may send you one message later.
program-wants-subscribe = { $title } asks whether it may send you messages by itself, again and again, until you stop it.
program-wants-server = { $title } wants to ask the server { $host }.
program-server-means = That server learns what { $title } sends it, which may be all that you type to { $title }: there it leaves the encryption. It does not learn who you are, nor your address.
program-scope-server = answers of the server { $host }
program-verdict-once = yes, this time: until it is closed
program-verdict-always = yes, until I take it back, for { $days } days at most
program-verdict-once-notify = yes, one message
program-verdict-always-subscribe = yes, until I stop it, for { $days } days at most
program-verdict-never-notify = no, and it is not to ask again
program-verdict-never-subscribe = no, and it is not to ask again
program-verdict-never = no, and it is not to ask again
program-decided-once = { $title } gets { $scope } until it is closed.
program-decided-always = { $title } gets { $scope } from now on. `grants` shows it, and how to take it back.
program-decided-never = { $title } does not get { $scope }, and does not ask again. `grants` shows it, should you change your mind.
program-decided-once-notify = { $title } may send you one message later. For another one it has to ask again.
program-decided-always-subscribe = { $title } sends you messages from now on. `apps stop { $name }` ends that at any time.
program-decided-never-notify = { $title } sends you no message later, and does not ask again. `grants` shows it, should you change your mind.
program-decided-never-subscribe = { $title } sends you no messages by itself, and does not ask again. `grants` shows it, should you change your mind.
program-push-once = This is the one message that you had agreed to.
program-push-standing = `apps stop { $name }` ends these messages.
program-scope-profile-name = your name
program-scope-profile-avatar = your picture
program-scope-profile-bio = what you say about yourself
program-scope-profile-region = your region
program-scope-profile-birthday = your birthday
program-scope-profile-phone = your phone number
program-scope-profile-email = your e-mail address
program-scope-notify = one message later
program-scope-subscribe = messages by itself
grants-head = **What mini-programs may know**
grants-line = { $number } – { $title }: { $scope }, { $verdict ->
    [once] until it is closed
    [always] until { $until }
    [notify] agreed
    [subscribe] until you stop it, or { $until }
   *[never] never
}
grants-howto = `revoke N` takes one back.
grants-none = No mini-program knows anything of you but what you typed to it.
grants-no-number = There is no number { $number }. `grants` shows them.
grants-revoked = { $title } does not get { $scope } any more. Should it want it again, it has to ask.
grants-revoked-notify = { $title } sends you no message later. Should it want to again, it has to ask.
grants-revoked-subscribe = { $title } sends you no messages by itself any more. Should it want to again, it has to ask.
apps-stopped = { $title } sends you nothing by itself any more.
apps-stopped-all = No mini-program sends you anything by itself any more.
apps-stop-none = No mini-program may send you anything by itself.
apps-stop-none-of = { $title } may not send you anything by itself.

## What left
apps-preview-head = This is all that { $title } would be told now:
apps-preview-foot = With each message it is also told what you typed to it, and what it had kept itself.
apps-sent-line = { $title }, { $time }:
apps-sent-part = { $title }, { $time }, part { $number } of { $count }:
apps-sent-more = There is more: `apps sent { $name }{ $page }`.
apps-sent-end = There is nothing more.
apps-sent-none = No mini-program was told anything of you.
apps-reset-done = Done. { $title } does not know you any more; what it had stored for you is deleted.
log-program = { $time }: { $program } read of your profile: { $fields }.

## Programs on a server of their developer
program-wants-runs = { $title } does not run here, but on a server of its developer: **{ $host }**. May it?
program-runs-means = What you type to { $title } leaves this encrypted chat: it is sent to { $host }, which can read it and keep it, and so is what { $title } shows you. It does not learn who you are: it knows you by an id that only it has, and sees the address of this bot, not yours. Until you say yes, nothing is sent.
program-scope-runs = to run on the server { $host }
program-verdict-once-runs = yes, this time: until it is closed
program-verdict-always-runs = yes, until I take it back, for { $days } days at most
program-verdict-never-runs = no, and send nothing there
program-decided-once-runs = { $title } is asked at its server until it is closed.
program-decided-always-runs = { $title } is asked at its server from now on. `grants` shows it, and how to take it back.
program-decided-never-runs = Nothing was sent. { $title } is closed, and its server is not asked. `grants` shows it, should you change your mind.
grants-revoked-runs = Done. Nothing is sent to the server of { $title } any more; you are asked again if you use it.
program-runs-undecided = Nothing was sent: you have not said yet whether { $title } may run on the server { $host }. Answer that question with its number; `close`, then `open { $name }` asks it again.
program-runs-never = { $title } runs on the server { $host }, and you decided that nothing is sent there. It is closed. `grants` shows that decision, and `revoke N` takes it back.
program-runs-first = { $title } runs on the server { $host }, where what you say to it leaves the encryption. If you agree to that: `open { $name }` in your own chat with me, and answer “yes, until I take it back”. Then you can take part here. Nothing was sent.
program-in-room-runs = { $title } is open here, for everybody. It runs on the server { $host }: what is said to it, with `!`, leaves the encryption there, like `!hello`. Who wants to take part agrees to that first: `open { $name }` in their own chat with me. `!close` closes it. It does not learn who you are.
program-unreachable = { $title } can't be reached at the moment. What you did last may not have arrived; please try again later.
