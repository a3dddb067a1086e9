# 聊天里的小程序：查找、打开、它们能知道什么。

help-group-apps = **小程序**
help-apps = 看可以打开的小程序
    .details = `打开 名字` 打开一个，`关闭` 关闭它。打开期间，你在这里说的、不是我的命令的话都会交给它；以它的名字开头（`word 你好`）的一定会交给它。
help-apps-search = 搜索小程序
    .details = `搜小程序 游戏`
help-apps-mine = 看你打开过的小程序，最近的在前
help-close = 关闭这里打开着的小程序
help-grants = 看小程序能知道你的什么
    .details = 每一条都有编号：`撤销授权 2` 收回第 2 条。
help-revoke = 收回小程序能知道的一项
    .details = `撤销授权 2`，编号见 `授权`。从此它不再得到这一项；它已经记下的，无法追回。
help-apps-preview = 看现在打开某个小程序时它会得到的全部数据
    .details = `小程序预览 word`
help-apps-sent = 看最近交给小程序的、与你有关的全部数据
    .details = `小程序记录`，或只看其中一个：`小程序记录 word`；`小程序记录 2` 或 `小程序记录 word 2` 接着看。
help-apps-stop = 让小程序不再主动发消息
    .details = `停止消息 word`，或 `停止消息` 停止全部。
help-apps-reset = 在某个小程序里重新开始，它不再认识你
    .details = `小程序重置 word`。它为你存的东西会被删除，它只会得知有人离开了；没有什么能把前后两个你联系起来。

alias-apps = 小程序
alias-apps-search = 搜小程序
alias-apps-mine = 我的小程序
alias-close = 关闭
alias-grants = 授权
alias-revoke = 撤销授权
alias-apps-preview = 小程序预览
alias-apps-sent = 小程序记录
alias-apps-reset = 小程序重置
alias-apps-stop = 停止消息

param-payload = 附带内容
    .required = 附带内容
param-page = 页
    .required = 页码

## 查找
apps-head = **小程序**
apps-found = **找到的小程序**
apps-mine = **你的小程序**
apps-line = `{ $name }` · { $title }：{ $about }{ $open ->
    [yes] （在这里打开着）
   *[no] {""}
}
apps-howto = `打开 名字` 打开一个。它们都不会知道你是谁。
apps-head-none = 这里还没有小程序。
apps-found-none = 没有找到。`小程序` 看全部。
apps-mine-none = 你还没有打开过小程序。`小程序` 看有哪些。

## 打开和关闭
program-first = 这是小程序“{ $title }”。它不知道你是谁：它只用一个专属于它的编号认识你，并得到你对它说的话。
program-first-asks = 它可能会向你要这些，你同意才会给它：
program-first-scope = – { $scope }
program-first-commands = 它能听懂：
program-help = **{ $title }**在这里打开着。它能听懂：
program-command = `{ $name }` — { $about }
program-first-foot = 它打开期间，我的命令照常可用。`关闭` 关闭它，`小程序预览 名字` 看它会得到什么。
program-in-room = “{ $title }”在这里打开了，大家都可以用。对它说的话以 `!` 开头，例如 `!你好`；`!关闭` 关闭它。它不知道你是谁：它只用一个在这个房间里专属的编号认识你。只给你一个人的内容会发到你和我的私聊里。
program-closed = “{ $title }”已关闭。
program-ended = “{ $title }”结束了。`打开 名字` 可以再打开。
program-unknown = 没有叫“{ $name }”的小程序。`小程序` 看有哪些。
program-none-open = 这里没有打开着的小程序。`小程序` 看有哪些。
program-closed-already = 那个小程序已经关闭，什么也没有做。`我的小程序` 看怎么再打开。
program-unsure = 你的客户端不保护你回复的是哪条消息，这句话也可能另有所指。写数字可以选择；其他的话请在房间里说，以 `!` 开头。
program-suspended = “{ $title }”出错太多次，正在休息。请稍后再试。
program-off = “{ $title }”现在不能用，已关闭。
program-slow = 对“{ $title }”来说一下子太多了。请稍等；什么也没有做。
program-trap = “{ $title }”处理不了这个。什么也没有改变，可以从刚才的地方继续。
program-unavailable = “{ $title }”现在无法运行。什么也没有改变，请稍后再试。
program-chain = “{ $title }”停不下来，已被停止并关闭。

## 小程序显示的内容
program-says = **{ $title }**
program-choice = { $number }. { $label }
program-choose = 请回复数字。
program-choose-room = 请回复 `!` 加数字，例如 `!1`。
program-choose-reply = 请在这里回复这条消息，写上数字。
program-picture = （图片：{ $alt }）
program-alt = { $alt }

## 表单
program-ask = { $label }（{ $number }/{ $count }）{ $optional ->
    [yes] ，`-` 跳过
   *[no] {""}
}
program-ask-howto = `返回` 回到上一步，`取消` 离开表单。
program-ask-howto-reply = 请在这里回复这条消息。`返回` 回到上一步，`取消` 离开表单。
program-misread-missing = 还缺一项（{ $what }）。{ $usage }
program-misread-extra = 内容比这个命令需要的多。{ $usage }
program-misread-integer = { $what } —— 请给一个整数。
program-misread-number = { $what } —— 请给一个数字。
program-misread-boolean = { $what } —— 请回答是或否。
program-misread-choice = { $what } —— 请从列出的里面选。
program-misread-date = { $what } —— 请给一个日期，例如 2026-03-01 或 2026-03-01 18:30。
program-misread-long = { $what } —— 最多 { $bound } 个字。
program-misread-small = { $what } —— 至少是 { $bound }。
program-misread-large = { $what } —— 最多是 { $bound }。

## 小程序能知道什么
program-wants = “{ $title }”想要{ $scope }。
program-purpose = 用途：{ $purpose }
program-wants-notify = “{ $title }”想以后给你发一条消息，可以吗？
program-wants-subscribe = “{ $title }”想不断地主动给你发消息，直到你叫停，可以吗？
program-wants-server = “{ $title }”想询问服务器 { $host }。
program-server-means = 那台服务器会得到“{ $title }”发给它的内容，可能包括你对“{ $title }”说的一切：那些内容就离开了加密。它不会知道你是谁，也不知道你的地址。
program-scope-server = 服务器 { $host } 的回答
program-verdict-once = 这次可以：到它关闭为止
program-verdict-always = 可以，直到我收回，最长 { $days } 天
program-verdict-once-notify = 可以，发一条
program-verdict-always-subscribe = 可以，直到我叫停，最长 { $days } 天
program-verdict-never-notify = 不可以，也别再问
program-verdict-never-subscribe = 不可以，也别再问
program-verdict-never = 不可以，也别再问
program-decided-once = 在关闭之前，“{ $title }”可以得到{ $scope }。
program-decided-always = 从现在起“{ $title }”可以得到{ $scope }。`授权` 里可以看到，也能收回。
program-decided-never = “{ $title }”得不到{ $scope }，也不会再问。想改变主意，请看 `授权`。
program-decided-once-notify = “{ $title }”以后可以给你发一条消息。想再发，必须重新询问。
program-decided-always-subscribe = 从现在起“{ $title }”会给你发消息。随时可以用 `停止消息 { $name }` 叫停。
program-decided-never-notify = “{ $title }”以后不会给你发消息，也不会再问。想改变主意，请看 `授权`。
program-decided-never-subscribe = “{ $title }”不会主动给你发消息，也不会再问。想改变主意，请看 `授权`。
program-push-once = 这就是你同意过的那一条消息。
program-push-standing = `停止消息 { $name }` 可以叫停这些消息。
program-scope-profile-name = 你的名字
program-scope-profile-avatar = 你的头像
program-scope-profile-bio = 你的自我介绍
program-scope-profile-region = 你的地区
program-scope-profile-birthday = 你的生日
program-scope-profile-phone = 你的电话号码
program-scope-profile-email = 你的邮箱地址
program-scope-notify = 以后发一条消息
program-scope-subscribe = 主动发消息
grants-head = **小程序能知道什么**
grants-line = { $number } – { $title }：{ $scope }，{ $verdict ->
    [once] 到它关闭为止
    [always] 到 { $until } 为止
    [notify] 已同意
    [subscribe] 到你叫停，或到 { $until } 为止
   *[never] 从不
}
grants-howto = `撤销授权 编号` 收回一条。
grants-none = 除了你对它们说的话，没有小程序知道你的任何事。
grants-no-number = 没有 { $number } 号。`授权` 看全部。
grants-revoked = “{ $title }”不再得到{ $scope }。它再想要时必须重新询问。
grants-revoked-notify = “{ $title }”以后不会给你发消息。它再想发时必须重新询问。
grants-revoked-subscribe = “{ $title }”不再主动给你发消息。它再想发时必须重新询问。
apps-stopped = “{ $title }”不会再主动给你发消息。
apps-stopped-all = 没有小程序会再主动给你发消息。
apps-stop-none = 没有小程序可以主动给你发消息。
apps-stop-none-of = “{ $title }”本来就不能主动给你发消息。

## 交出了什么
apps-preview-head = 现在“{ $title }”会得到的全部内容：
apps-preview-foot = 以后每条消息，它还会得到你对它说的话，以及它自己存下的内容。
apps-sent-line = { $title }，{ $time }：
apps-sent-part = { $title }，{ $time }，第 { $number } 部分，共 { $count } 部分：
apps-sent-more = 还有更多：`小程序记录 { $name }{ $page }`。
apps-sent-end = 没有更多了。
apps-sent-none = 还没有小程序得到过与你有关的内容。
apps-reset-done = 好了。“{ $title }”不再认识你；它为你存的内容已删除。
log-program = { $time }：{ $program } 读了你的资料：{ $fields }。

## 在开发者服务器上运行的小程序
program-wants-runs = “{ $title }”不在这里运行，而是在它开发者的服务器上运行：**{ $host }**。可以吗？
program-runs-means = 你对“{ $title }”说的话会离开这个加密的聊天：它们会发到 { $host }，那里能读到，也能留下；“{ $title }”给你看的也一样。它不知道你是谁：它只用一个专属于它的编号认识你，看到的是本机器人的地址，不是你的。你同意之前，什么也不会发出去。
program-scope-runs = 在服务器 { $host } 上运行
program-verdict-once-runs = 这次可以：到它关闭为止
program-verdict-always-runs = 可以，直到我收回，最长 { $days } 天
program-verdict-never-runs = 不可以，什么也别发到那里
program-decided-once-runs = 在关闭之前，“{ $title }”在它的服务器上运行。
program-decided-always-runs = 从现在起“{ $title }”在它的服务器上运行。`授权` 里可以看到，也能收回。
program-decided-never-runs = 什么也没有发出去。“{ $title }”已关闭，不会联系它的服务器。想改变主意，请看 `授权`。
grants-revoked-runs = 好了，不会再有什么发到“{ $title }”的服务器。再用它时会重新问你。
program-runs-undecided = 什么也没有发出去：你还没有决定“{ $title }”可不可以在服务器 { $host } 上运行。请用编号回答那个问题；先 `关闭` 再 `打开 { $name }` 会重新询问。
program-runs-never = “{ $title }”在服务器 { $host } 上运行，而你决定过什么也不发到那里。它已关闭。`授权` 里有这个决定，`撤销授权 编号` 可以收回。
program-runs-first = “{ $title }”在服务器 { $host } 上运行，你对它说的话到了那里就离开了加密。如果你同意：请在你和我的私聊里发 `打开 { $name }`，选“可以，直到我收回”，就能在这里参加了。刚才什么也没有发出去。
program-in-room-runs = “{ $title }”在这里打开了，大家都可以用。它在服务器 { $host } 上运行：以 `!` 开头对它说的话（例如 `!你好`）到了那里就离开了加密。想参加的人先在自己和我的私聊里发 `打开 { $name }` 表示同意。`!关闭` 关闭它。它不知道你是谁。
program-unreachable = 现在联系不上“{ $title }”。你刚才做的可能没有送到，请稍后再试。
