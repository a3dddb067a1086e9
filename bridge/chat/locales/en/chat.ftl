# The chat itself: help, errors, languages, neutral lines, the first message of a chat.
# **bold** and `code` work in these texts. Placeholders must be the same in every language (a test compares them).

# How a time is shown. The clock is 24 hours.
time = { $day } { $month ->
    [1] Jan
    [2] Feb
    [3] Mar
    [4] Apr
    [5] May
    [6] Jun
    [7] Jul
    [8] Aug
    [9] Sep
    [10] Oct
    [11] Nov
   *[12] Dec
} { $year }, { $clock }

## The first message of a chat
opening-what = Hello! I am Courtyard. Here you share moments with the friends you choose.
opening-who = Who can read this: you, and whoever runs this bot, because I am one end of the encryption. Nobody else unless you share it with them.
opening-help = Type `help` to see what I can do.

## Neutral lines in rooms that are no private chat
answer-in-dm = I have answered in our private chat.
answer-damaged = What stood here was damaged before I could send it. Please ask again.
answer-needs-dm = That is for a private chat. Please start an encrypted chat with me and ask there.

## Errors
error-unexpected = Something went wrong (ref { $ref }). Nothing was changed. Please try again, and give this reference to whoever runs the bot if it stays.
quota-wait = That was a lot at once. Please wait a moment; until then I stay silent.
too-long = That is too long: { $length } characters. At most { $limit } are possible.
unknown-command = I don't know that command. Type `help` to see what I can do.
did-you-mean = I don't know that command. Did you mean { $suggestions }? Type `help` to see everything.
unclosed-quote = A quotation mark is not closed. It goes like this: `{ $usage }`
missing-argument = Something is missing: { $name }. It goes like this: `{ $usage }`
too-many-arguments = I don't understand “{ $rest }” at the end. It goes like this: `{ $usage }`
bad-user = “{ $value }” is no Matrix id. One looks like @alice:example.org. It goes like this: `{ $usage }`
bad-number = “{ $value }” is no number that I can use here. It goes like this: `{ $usage }`
bad-user-or-number = “{ $value }” is neither a Matrix id like @alice:example.org nor a number. It goes like this: `{ $usage }`
not-encrypted = That message came unencrypted, so I did nothing with it. Please send it again with encryption turned on.
edit-too-late = It is done already, so editing the message changes nothing. Please send a new message.
cant-use = I can't use that kind of message. I understand text and pictures; type `help` to see what I can do.
cant-use-video = I don't take videos: they tell where and when they were made, and I can't take that out of them yet. Nothing was passed on. Text and pictures work.
cant-use-voice = I don't take voice messages and sound: they can tell where and when they were made, and I can't take that out of them yet. Nothing was passed on. Text and pictures work.
picture-howto = Nice picture. To share it, send it again with a caption that begins with `post`. For several pictures, send `post` alone first.
picture-not-here = I can't take a picture there, so I did nothing. Please send it without the picture.
picture-unavailable = I can't take pictures at the moment. Please try again later.

## How a command is written: names of its parameters, alone and where they are required
usage-name = { $name }
usage-words = { $first } { $next }
usage-either = { $first }|{ $next }
usage-optional = [{ $name }]
usage-user = @user
usage-number = N
param-user = user
    .required = USER
param-who = who
    .required = WHO
param-note = note
    .required = NOTE
param-field = field
    .required = FIELD
param-value = value
    .required = VALUE
param-name = name
    .required = NAME
param-text = text
    .required = TEXT
param-tag = tag
    .required = TAG
param-people = people
    .required = PEOPLE
param-code = code
    .required = CODE
param-uses = uses
    .required = USES
param-expiry = expiry
    .required = EXPIRY
param-what = what
    .required = WHAT
param-key = key
    .required = KEY
param-command = command
    .required = COMMAND
param-number = number
    .required = NUMBER
param-switch = switch
    .required = SWITCH
param-warning = warning
    .required = WARNING
param-when = when
    .required = WHEN
param-words = words
    .required = WORDS
param-answer = answer
    .required = ANSWER
param-answers = answers
    .required = ANSWERS
param-place = place
    .required = PLACE
param-audience = audience
    .required = AUDIENCE
param-picture = picture
    .required = PICTURE
param-copies = copies
    .required = COPIES
param-audience-text = audience | text
    .required = AUDIENCE | TEXT

## Encryption
unreadable-missing = I can't read this message: its key has not reached me yet. Mostly it comes by itself, and then this note goes away. If not, please send the message again.
unreadable-withheld = I can't read this message: your app keeps its key from me, because it doesn't trust my device. Please send it again; if that doesn't help, verify me in your app or ask whoever runs me.
unsigned-device = Your app answers under a session that you have not verified, so nobody can be sure that it is yours. Please verify this session in your app's security settings, from another session of yours or with your recovery key.
unsigned-refused = I don't take messages from sessions that their owner has not verified. Please verify this session in your app's security settings, and send it again.
prompt-type-it = Please type the number: a reaction is not encrypted, and could be somebody else's.
identity-changed = Your encryption identity has been reset. If that was you, all is well. If it wasn't, somebody else has access to your account: change its password and sign out the sessions that you don't know.

## Questions with numbers
prompt-none = No question is open that this could answer. Type `help` to see what I can do.
choice-gone = That choice can't be made, or not any more. Nothing was done.
prompt-reaction = Please answer this question with its number, as a message. Reactions are not encrypted, so I can't be sure that they are yours.
prompt-several = More than one question is open. Please reply to the one that you mean with its number. For a friend request `friend accept @user` works too.
prompt-unsure = More than one question is open, and your app does not protect which one you answer. For a friend request, please type `friend accept @user` or `friend decline @user`.
unsure-command = This looks like a command, and also like an answer or an edit. Your app does not protect which of them it is, so I did nothing. To give the command, please send it as a new message; to comment, type `comment N TEXT`.
prompt-range = Please answer with a number from 1 to { $count }.

## Help
help-intro = This is what I understand. Type `help` and a command for more about it.
help-group-chat = **This chat**
help-group-contacts = **Friends**
help-group-moments = **Moments**
help-group-more = **More**
help-line = `{ $usage }` — { $text }
help-usage = `{ $usage }`
help-also = Also: { $aliases }
help-unknown = There is no command “{ $name }”. Type `help` to see them all.
help-unknown-near = There is no command “{ $name }”. Did you mean { $suggestions }?

help-help = shows what I can do
    .details = `help friend add` explains one command.
help-ping = shows whether I am there
    .details = It works in every room, and the answer is always “pong”.
help-language = sets the language that I speak with you
    .details = `language en` is English, `language zh` is 中文.
help-timezone = sets the time zone in which you see times
    .details = It takes names like `Europe/Berlin` or `Asia/Shanghai`; the name of the city is enough.

# Further words for the commands, with commas between them. English words always work besides.
alias-help = commands
alias-ping = hello
alias-language = lang
alias-timezone = time zone

pong = pong

## Language and time zone
language-name = English
language-set = From now on I speak English with you.
language-unknown = I don't speak “{ $name }”. I know: { $languages }.
timezone-set = Your time zone is { $name }. There it is { $now } now.
timezone-unknown = I don't know the time zone “{ $name }”. It takes a name like Europe/Berlin or Asia/Shanghai.
person-unreadable = What I keep about you is damaged, so I can't do anything for you now. Please tell whoever runs me: a backup may help. Nobody else was shown anything of yours.
