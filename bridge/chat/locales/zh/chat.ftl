# The chat itself: help, errors, languages, neutral lines, the first message of a chat.

time = { $year }年{ $month }月{ $day }日 { $clock }

## The first message of a chat
opening-what = 你好！我是 Courtyard。你可以在这里和自己选择的朋友分享动态。
opening-who = 谁能看到这里的内容：你，以及运营这个机器人的人，因为我是加密对话的一端。除非你主动分享，其他人都看不到。
opening-help = 输入 `help`（或“帮助”）看看我能做什么。

## Neutral lines in rooms that are no private chat
answer-in-dm = 我已经在我们的私聊里回复你了。
answer-damaged = 这里的内容在发送前已损坏。请再问一次。
answer-needs-dm = 这件事要在私聊里做。请和我开一个加密私聊，再试一次。

## Errors
error-unexpected = 出了点问题（编号 { $ref }）。没有任何改动。请再试一次；如果仍然不行，请把这个编号告诉机器人的运营者。
quota-wait = 消息太多了，请稍等片刻；在此之前我不会回复。
too-long = 内容太长：共 { $length } 个字符，最多 { $limit } 个。
unknown-command = 我不认识这个命令。输入 `help` 看看我能做什么。
did-you-mean = 我不认识这个命令。你是想输入 { $suggestions } 吗？输入 `help` 查看全部命令。
unclosed-quote = 引号没有配对。用法：`{ $usage }`
missing-argument = 缺少内容：{ $name }。用法：`{ $usage }`
too-many-arguments = 我不明白末尾的“{ $rest }”。用法：`{ $usage }`
bad-user = “{ $value }”不是 Matrix 账号。账号的样子是 @alice:example.org。用法：`{ $usage }`
bad-number = “{ $value }”不是可以用在这里的数字。用法：`{ $usage }`
bad-user-or-number = “{ $value }”既不是像 @alice:example.org 那样的 Matrix 账号，也不是数字。用法：`{ $usage }`
not-encrypted = 这条消息没有加密，所以我没有处理。请打开加密后重新发送。
edit-too-late = 这件事已经完成，编辑消息不会再改变什么。请发一条新消息。
cant-use = 我用不了这种消息。我能理解文字和图片；输入 `help` 看看我能做什么。
cant-use-video = 我不收视频：视频里带有拍摄地点和时间，我还不能去掉。没有转发任何内容。文字和图片可以。
cant-use-voice = 我不收语音和音频：里面可能带有录制地点和时间，我还不能去掉。没有转发任何内容。文字和图片可以。
picture-howto = 图片不错。想分享它，请重新发送，并让说明文字以 `post`（或“发布”）开头。想发几张，请先单独发 `发布`。
picture-not-here = 这里不能用图片，所以我什么也没做。请去掉图片再发一次。
picture-unavailable = 我现在不能接收图片，请稍后再试。

## 命令的写法：参数名，以及必填时的写法
usage-name = { $name }
usage-words = { $first } { $next }
usage-either = { $first }|{ $next }
usage-optional = [{ $name }]
usage-user = @用户
usage-number = 编号
param-user = 用户
    .required = 用户
param-who = 谁
    .required = 谁
param-note = 附言
    .required = 附言
param-field = 字段
    .required = 字段
param-value = 内容
    .required = 内容
param-name = 名称
    .required = 名称
param-text = 文字
    .required = 文字
param-tag = 标签
    .required = 标签
param-people = 人
    .required = 人
param-code = 邀请码
    .required = 邀请码
param-uses = 次数
    .required = 次数
param-expiry = 期限
    .required = 期限
param-what = 什么
    .required = 什么
param-key = 设置项
    .required = 设置项
param-command = 命令
    .required = 命令
param-number = 编号
    .required = 编号
param-switch = 开关
    .required = 开关
param-answer = 选项
    .required = 选项
param-answers = 选项
    .required = 选项
param-place = 地点
    .required = 地点
param-warning = 警告
    .required = 警告
param-when = 时间
    .required = 时间
param-words = 词
    .required = 词
param-audience = 可见范围
    .required = 可见范围
param-picture = 图片
    .required = 图片
param-copies = 副本
    .required = 副本
param-audience-text = 可见范围 | 文字
    .required = 可见范围 | 文字

## Encryption
unreadable-missing = 我读不了这条消息：它的密钥还没有到。通常它会自己到达，到时这条提示会消失。如果没有，请把消息再发一次。
unreadable-withheld = 我读不了这条消息：你的应用不信任我的设备，所以没有把密钥给我。请再发一次；如果不行，请在应用里验证我，或询问机器人的运营者。
unsigned-device = 你正在用一个没有经过你验证的会话，别人无法确定它属于你。请在应用的安全设置里，用你的另一个会话或恢复密钥验证它。
unsigned-refused = 我不接受未经主人验证的会话发来的消息。请在应用的安全设置里验证这个会话，然后重新发送。
prompt-type-it = 请输入数字：表情回应没有加密，可能来自别人。
identity-changed = 你的加密身份被重置了。如果是你自己做的，一切正常。如果不是，说明有别人能进入你的账号：请修改密码，并退出你不认识的会话。

## Questions with numbers
prompt-none = 现在没有等待你回答的问题。输入 `help` 看看我能做什么。
choice-gone = 这个选项不能选，或者已经过期。什么也没有做。
prompt-reaction = 请发一条消息，用数字回答这个问题。表情回应没有加密，我无法确定是不是你本人发的。
prompt-several = 现在有不止一个问题在等你回答。请用数字回复你想回答的那个问题。好友申请也可以用 `friend accept @user` 接受。
prompt-unsure = 现在有不止一个问题在等你回答，而你的应用没有保护你回答的是哪一个。好友申请请输入 `friend accept @user` 或 `friend decline @user`。
unsure-command = 这看起来像一个命令，又像一条回复或编辑。你的应用没有保护它到底是哪一种，所以我什么也没做。想执行命令，请作为新消息发送；想评论，请输入 `comment N TEXT`。
prompt-range = 请回答 1 到 { $count } 之间的数字。

## Help
help-intro = 我能听懂下面这些。输入 `help` 加命令名，可以看到更多说明。
help-group-chat = **聊天**
help-group-contacts = **朋友**
help-group-moments = **动态**
help-group-more = **其他**
help-line = `{ $usage }` — { $text }
help-usage = `{ $usage }`
help-also = 也可以写：{ $aliases }
help-unknown = 没有“{ $name }”这个命令。输入 `help` 查看全部命令。
help-unknown-near = 没有“{ $name }”这个命令。你是想找 { $suggestions } 吗？

help-help = 显示我能做什么
    .details = `help friend add` 会说明单个命令。
help-ping = 看看我在不在
    .details = 在任何房间都能用，回答总是“pong”。
help-language = 设置我和你说话的语言
    .details = `language en` 是 English，`language zh` 是中文。
help-timezone = 设置显示时间所用的时区
    .details = 可以写 `Europe/Berlin` 或 `Asia/Shanghai` 这样的名称，只写城市名也行。

# Further words for the commands, with commas between them. English words always work besides.
alias-help = 帮助, 命令
alias-ping = 你好, 在吗
alias-language = 语言
alias-timezone = 时区

pong = pong

## Language and time zone
language-name = 中文
language-set = 从现在起我用中文和你说话。
language-unknown = 我不会“{ $name }”。我会的语言：{ $languages }。
timezone-set = 你的时区是 { $name }，那里现在是 { $now }。
timezone-unknown = 我不认识时区“{ $name }”。请写 Europe/Berlin 或 Asia/Shanghai 这样的名称。
person-unreadable = 我保存的关于你的数据已损坏，现在无法为你做任何事。请告诉运行我的人：备份也许有帮助。你的内容没有给其他任何人看过。
