# 隐私：`privacy recovery` 及相关内容。

help-group-privacy = **隐私**
help-privacy-recovery = 如果你的加密身份被重置，要求证明是你本人
    .details = 可以加 `on` 或 `off`；什么都不加则显示当前设置。
help-recover = 加密身份被重置以后，恢复使用
    .details = 请在重置以前验证过的会话里输入，或加上 `privacy recovery on` 给你的恢复码。
alias-privacy-recovery = 身份保护
alias-recover = 恢复

recovery-on = 从现在起，如果你的加密身份被重置，在你确认是本人之前，我不会给出任何个人内容。确认方式：在以前验证过的会话里输入 `recover`，或者使用这个恢复码。请把它记下来，然后删除这条消息：**{ $code }**
recovery-off = 身份保护已关闭。如果你的加密身份被重置，我会告诉你，然后照常继续。
recovery-is-on = 身份保护已打开。`privacy recovery on` 会给你新的恢复码，`privacy recovery off` 可以关闭。
recovery-is-off = 身份保护没有打开。`privacy recovery on` 可以打开并给你恢复码。
recovery-switch = 请输入 `privacy recovery on` 或 `privacy recovery off`。
recovery-unsigned = 请先在应用的安全设置里验证这个会话，再打开身份保护：打开以后，我不再接受未经你验证的会话。
recovery-not-paused = 没有需要恢复的，一切照常。
recovery-wrong-code = 恢复码不对，没有任何改动。
recovery-new-session = 这个会话在加密身份被重置之前没有验证过。请换一个验证过的会话，或输入 `recover` 加你的恢复码。
recovery-done = 欢迎回来，一切照旧。如果不是你自己重置了加密身份，请马上修改账号密码。
identity-changed-paused = 你的加密身份被重置了。按你的设置，在你确认是本人之前，我不会给出任何个人内容：请在以前验证过的会话里输入 `recover`，或输入 `recover` 加你的恢复码。
paused = 你的加密身份被重置了，所以我不会给出个人内容。请在以前验证过的会话里输入 `recover`，或输入 `recover` 加你的恢复码。

## `隐私` 和 `设置隐私`
privacy-head = **你的内容给谁看**
privacy-row = { $number } — { $line }
privacy-here = 我和你说中文，时间按 { $zone } 显示：`语言 英文`，`时区 Asia/Shanghai`。
privacy-howto = 回复数字即可修改。也可以用命令：`设置隐私 窗口 半年`，`设置隐私 电话 #家人`，`设置隐私 我的 @bob:example.org 关`（对方看不到你的），`设置隐私 他们的 @bob:example.org 关`（你不看对方的），`设置隐私 仅聊天 @bob:example.org 开`（这三项针对好友；不是好友的人，可以在发布时排除或拉黑）。
privacy-window-3d = 好友能看到你三天内的动态。
privacy-window-1m = 好友能看到你一个月内的动态。
privacy-window-6m = 好友能看到你半年内的动态。
privacy-window-all = 好友能看到你全部的动态，不论多久以前。
privacy-strangers-on = 陌生人能看到你最新的 10 条公开动态。
privacy-strangers-off = 陌生人看不到你的任何动态。
privacy-by-id-on = 别人可以用你的 Matrix 账号加你。
privacy-by-id-off = 别人不能用你的 Matrix 账号加你：看起来就像你不在这里。
privacy-by-code-on = 别人可以用你的邀请码加你。
privacy-by-code-off = 别人不能用邀请码加你：你的邀请码都不起作用。
privacy-by-room-on = 和你我同在一个聊天室的人可以用 Matrix 账号加你。
privacy-by-room-off = 和你我同在一个聊天室也不能加你。
privacy-reactions-on = 你的表情回应算作赞。表情回应不加密：你的服务器能看到。
privacy-reactions-off = 你的表情回应不起作用；`赞 N` 是加密的。
privacy-field = 你的{ $field }给谁看：{ $audience }。
privacy-mine-on = { $who } 又可以看到你的动态了。
privacy-mine-off = { $who } 看不到你的动态了，对方不会知道。
privacy-theirs-on = 你又能看到 { $who } 的动态了。
privacy-theirs-off = 你不再看到 { $who } 的动态，对方无从知道。
privacy-chats-only-on = 和 { $who } 仅聊天：彼此都看不到对方的动态，对方不会知道。
privacy-chats-only-off = 和 { $who } 又可以看到彼此的动态了。
privacy-shut-out = 看不到你动态的人：{ $people }
privacy-hidden = 你不看这些人的动态：{ $people }
privacy-chats-only = 仅聊天的好友：{ $people }
privacy-blocked = 已拉黑：{ $people }
privacy-again-mine = { $who }：让对方再看到你的动态
privacy-again-theirs = { $who }：你再看对方的动态
privacy-again-chats-only = { $who }：恢复互看动态
privacy-again-blocked = { $who }：取消拉黑
privacy-value-3d = 三天
privacy-value-1m = 一个月
privacy-value-6m = 半年
privacy-value-all = 全部
privacy-value-on = 开
privacy-value-off = 关
privacy-value-everyone = 所有人
privacy-value-friends = 你的好友
privacy-value-me = 仅自己
privacy-value-public = 所有人
privacy-value-private = 仅自己
privacy-post = 没有另外说明时，你发布的内容范围是：{ $audience }。
privacy-post-later = 之前发布的内容不变。
privacy-post-gone = 你的默认发布范围里有人或标签已不存在。请重新选择，例如：`设置隐私 发布 好友`
privacy-window-values = 只能是 `三天`、`一个月`、`半年` 或 `全部`（也可以写 `3d`、`1m`、`6m`、`all`）。没有任何改动。
privacy-on-off = 只能是 `开` 或 `关`。没有任何改动。
privacy-key-unknown = 没有“{ $key }”这一项。`隐私` 会全部列出。

## 以他人的眼光查看
view-as-head = **{ $who } 能看到的你。** 别人的赞和评论没有显示：那取决于别人之间是否是好友，你无权知道。
view-as-stranger = 陌生人
view-as-moment = **#{ $number }** · { $time }
view-as-no-profile = 没有任何资料。
view-as-no-moments = 没有动态。
view-as-more = 这里只显示对方能看到的最新 { $count } 条动态；对方翻页还能看到更多。
view-as-looked = 只查看了你最新的 { $count } 条动态；更早的这里不作说明。
view-as-whom = 请说以谁的眼光：别人如 @bob:example.org，标签如 #家人，或者 `陌生人`。

## 为什么
why-yes = 是的，{ $user } 能看到你的{ $what }。
why-no = 不，{ $user } 看不到你的{ $what }。
why-moment = 动态 #{ $number }
why-rule = { $rule }（规则 { $number }）
why-what = 请说是哪一项：`为什么能 @bob:example.org 看 3` 指动态，`为什么能 bob 看 电话` 指资料。好友可以写你所知道的名字。
why-not-yours = 那条动态不是你的，只有作者可以问。

## 规则的说法
rule-default = 没有任何规则允许。
rule-own = 那是对方自己的。
rule-blocked = 你拉黑了 { $user }。
rule-blocked-by-viewer = { $user } 拉黑了你。
rule-expired = 已经过期。
rule-private = 那只给你自己看。
rule-stranger = { $user } 不在你的好友之中。
rule-strangers-off = { $user } 不在你的好友之中，而陌生人看不到你的任何内容。
rule-strangers-older = { $user } 不在你的好友之中，而陌生人只能看到你最新的公开动态。
rule-strangers = 那是公开的，而你允许陌生人看最新的公开动态。
rule-chats-only = 你和 { $user } 仅聊天。
rule-chats-only-by-viewer = { $user } 和你仅聊天。
rule-shut-out = 你不让 { $user } 看你的动态（按人或按标签）。
rule-hidden = { $user } 不看你的动态。
rule-window = 那比你展示的范围更早。
rule-excluded = 你按名字排除了 { $user }。
rule-excluded-tag = { $user } 在你排除的标签里。
rule-public = 那是给所有人的。
rule-friends = 那是给好友的，而 { $user } 是好友。
rule-named = 你指定了 { $user }，或者 { $user } 当时所在的标签。
rule-tagged = { $user } 在那条动态跟随的标签里。
rule-not-named = 你指定的是别人。
rule-unknown-audience = 这个版本不认识它的范围。
rule-writer-outside = 写它的人已经看不到那条动态了。
rule-writer-blocked = { $user } 拉黑了写它的人。
rule-writer-shut-out = 写它的人不让 { $user } 看自己的内容。
rule-to-author = 那在对方自己的动态下面。
rule-friend-of-writer = { $user } 是写它的人的好友。
rule-not-friend-of-writer = { $user } 不是写它的人的好友。
rule-field-everyone = 这项资料是给所有人的。
rule-field-friends = 这项资料是给好友的，而 { $user } 是好友。
rule-field-tagged = 这项资料是给 { $user } 的（按人或按标签）。
rule-field-left-out = 这项资料不给 { $user }。
rule-field-private = 这项资料只给你自己看。
rule-account-to-friends = 好友知道彼此在这里。
rule-friendship = 两位好友自己知道。
rule-owners-notes = 标签和备注只有自己能看到。
rule-asked = { $user } 收到了申请。
rule-not-pending = 申请已不再有效。

## 隐私体检
checkup-head = **看看你都展示了什么**
checkup-friends = { $count ->
    [0] 你在这里还没有好友。
   *[other] 你在这里有 { $count } 位好友。
}
checkup-old-tag = #{ $tag } 已经半年没有变动（{ $count ->
   *[other] { $count } 人
}）。里面的人都还合适吗？
checkup-invites = { $count ->
   *[other] 你有 { $count } 个有效的邀请码
}：`我的邀请码` 可以查看。
checkup-fine = 没有什么比大多数人希望的更宽。
checkup-advices = 你也许想改一改：
checkup-left = 你也许还想改：
checkup-post = 没有另外说明时，你发布的内容给所有人。— 改为给好友。
checkup-window = 好友能看到你全部的动态，不论多久以前。— 只展示半年。
checkup-strangers = 陌生人能看到你最新的公开动态。— 什么都不给看。
checkup-field = 你的{ $field }给谁看：{ $audience }。— 收窄。
checkup-reactions = 你的表情回应不加密。— 让它们不起作用。

## 谁能读到
disclosure-head = **谁能读到这些**
disclosure-friends = 你选择的好友能读到你给他们看的内容；`为什么能 @bob:example.org 看 3` 会说明原因。读到的内容可以被复制，没有机器人能阻止。
disclosure-operator = 运行这个机器人的人可以读到经过它的以及保存下来的一切，因为我是加密的一端。
disclosure-operator-named = { $name } 运行这个机器人，可以读到经过它的以及保存下来的一切，因为我是加密的一端。
disclosure-kept = 保存下来的内容用你自己的密钥封存：只偷到数据库的人什么都读不出。谁和谁是好友，在那里只是随机的号码。
disclosure-server = 你的服务器 { $server }（也是我的）读不到内容，但能看到你和我说话、什么时间、多少，以及哪条回复、编辑或删除了哪条。
disclosure-servers = 你的服务器 { $own } 和我的 { $bots } 读不到内容，但能看到你和我说话、什么时间、多少，以及哪条回复、编辑或删除了哪条。
disclosure-reactions = 表情回应不加密：服务器能看到是什么表情、回应的是哪条。`设置隐私 表情回应 关` 可以让你的不起作用。
disclosure-no-reactions = 表情回应不加密，你的在这里不起作用。
disclosure-clients = 你的 Matrix 客户端和每个会话都能读到这里的一切。`日志` 会显示哪些会话和我说过话。
disclosure-program-servers = 其中有些在开发者的服务器上运行（{ $servers }）：你同意之后，对它们说的话就离开了加密。
disclosure-programs = 小程序读到的只有：它打开期间你对它说的话，和你同意给它的资料；它从不知道你是谁。`小程序记录` 可以看到它得到的全部内容。
disclosure-files = 删除的图片会以加密文件的形式留在服务器上，密钥已经没有了；Matrix 不让任何人删除它们。
disclosure-files-deleted = 图片以加密文件的形式存放在我的服务器上。内容删除后，我会让服务器把文件也删除；其他服务器取走的副本会留在那里，但没有密钥。

## 日志
log-none = 除此之外没有什么读过你的内容。
log-head = **什么读过你的内容**
log-device = { $time }：你的会话 { $device } 第一次和我说话。
log-foot = 好友的阅读从不记录。

## 帮助
help-privacy = 查看你的内容给谁看，并用数字修改
    .details = `设置隐私` 按名字修改一项，`隐私体检` 逐项检查，`预览 @bob:example.org` 显示别人能看到什么。
help-privacy-set = 修改你的内容给谁看
    .details = `设置隐私 窗口 三天`、`一个月`、`半年` 或 `全部`；`设置隐私` 加 `陌生人`、`按账号`、`按邀请码`、`按聊天室`、`表情回应`、`保留评论`，再加 `开` 或 `关`；资料项加范围：`设置隐私 电话 #家人`，`设置隐私 简介 所有人`，`设置隐私 地区 好友 除了 @bob:example.org`；`设置隐私 发布 #家人` 是没有另外说明时的发布范围；`设置隐私 我的 @bob:example.org 关` 或 `#工作 关`，`设置隐私 他们的 @bob:example.org 关`，`设置隐私 仅聊天 @bob:example.org 开`。
help-privacy-checkup = 逐项看看你展示了什么，指出太宽的地方
    .details = 回复建议的数字即可采纳。
help-view-as = 显示别人能看到的你
    .details = `预览 @bob:example.org`，`预览 #家人`，`预览 陌生人`
help-why-can = 说明某人为什么能看到你的某项内容
    .details = `为什么能 @bob:example.org 看 3` 指动态，`为什么能 @bob:example.org 看 电话` 指资料。
help-why-cant = 说明某人为什么看不到你的某项内容
    .details = `为什么不能 @bob:example.org 看 3` 指动态，`为什么不能 bob 看 电话` 指资料。好友可以写你所知道的名字。
help-who-can-read-this = 如实说明谁能读到什么
    .details = 针对这里的具体情况。
help-log = 显示什么读过你的内容
    .details = 小程序、导出、运维者和你自己的会话。好友的阅读从不记录。
alias-privacy = 隐私
alias-privacy-set = 设置隐私
alias-privacy-checkup = 隐私体检
alias-view-as = 预览
alias-why-can = 为什么能
alias-why-cant = 为什么不能
alias-who-can-read-this = 谁能读到
alias-log = 日志
