# 好友、好友申请和个人资料。

## 人的称呼
person-you = 你
person-id = { $user }
person-damaged = 某人（其资料已损坏）
person-named = { $name }（{ $user }）
person-list = { $first }、{ $next }

## 发出申请
friend-asked = 你的申请正在等 { $user } 回复。对方接受后，我会告诉你。
kept-chats-only = 按你以前的设置：和 { $user } 仅聊天。要修改：`设置隐私 仅聊天 { $user } 关`
kept-mine = 按你以前的设置：{ $user } 看不到你的动态。要修改：`设置隐私 我的 { $user } 开`
kept-theirs = 按你以前的设置：你看不到 { $user } 的动态。要修改：`设置隐私 他们的 { $user } 开`
kept-tags = 仍在你的标签里：{ $tags }。
lookalike-user = 请看仔细：{ $user } 和 { $other } 很像，但不是同一个人。
lookalike-user-letters = 请看仔细：{ $user } 含有 a 到 z 以外的字母，可能是冒充别人的。
lookalike-tag = 请看仔细：#{ $tag } 和你的 #{ $other } 很像，但不是同一个标签。
lookalike-tag-letters = 请看仔细：#{ $tag } 混用了几种看起来相似的字母。
friend-new = 你和 { $user } 现在是好友了。
friend-self = 这是你自己。好友得是别人。
friend-server = { $server } 的用户不能使用我：运行我的人排除了这个服务器。没有任何改动。
friend-already = 你和 { $user } 已经是好友了。
friend-note-too-long = 附言太长了，最多 { $limit } 个字符。
friend-too-many-requests = 你还有 { $limit } 个申请没有回复。请等其中一些被接受后再试。
friend-limit = 好友和待回复的申请最多 { $limit } 个，已经满了。请先移除一位。

## 收到申请
request-notice = { $who } 想加你为好友。好友能看到彼此的动态。
request-notice-note = 附言：{ $note }
request-choice-accept = 1 — 接受
request-choice-decline = 2 — 拒绝，对方不会知道
request-notice-howto = 请回复数字。
request-gone = 这个申请已经失效。
request-none-number = 没有编号为 { $number } 的待处理申请。发送 `好友` 可以查看。
request-none-user = 没有来自 { $user } 的待处理申请。
friend-declined = 已拒绝。{ $user } 不会知道。

## 移除
friend-removed = { $user } 已不在你的好友之中，对方不会收到通知。你们不再看到彼此的动态，已经展示过的也正在撤回{ $copies ->
    [0] 。
   *[other] ：其中你的动态最多 { $copies } 份副本。
}
friend-not-removed = { $user } 不在你的好友之中。如果你曾向对方发过申请，申请已撤回。

## 列表
friends-none = 你在这里还没有好友。用 `加好友 @user:server` 邀请一位吧。
friends-head = { $count ->
   *[other] **你的好友（{ $count }）**
}
requests-head = **想加你为好友的人**
request-line = { $number } — { $user }
request-line-note = { $number } — { $user }：{ $note }
requests-howto = `接受好友 1` 表示接受，`拒绝好友 1` 表示悄悄拒绝。

## 个人资料
profile-head = **{ $user }**
profile-empty = 没有可以看到的内容。
remark-damaged = （你为对方保存的备注名和备注已损坏，无法读取：请重新设置。）
profile-damaged = （有一项资料已损坏，无法再读取：请重新设置。）
profile-none = 没有你能看到的 { $user } 的资料。
profile-howto = 用 `设置资料 名字 …` 修改；`隐私` 里可以看到每一项给谁看。
profile-set = 好了，你的{ $field }已修改。
profile-cleared = 好了，你的{ $field }已清空。
profile-field-unknown = “{ $field }”不能作为资料项。可以用 `名字`、`头像`、`简介`、`地区`、`生日`、`电话`、`邮箱`，或者自己起一个名字。
profile-too-long = 太长了，最多 { $limit } 个字符。

## 帮助
help-friends = 查看你的好友和收到的申请
    .details = 待处理的申请有编号，可用于 `接受好友 N` 和 `拒绝好友 N`。
help-friend-add = 申请加某人为好友
    .details = 可以写附言：`加好友 @bob:example.org 我们在湖边见过`。对方接受之前，你们看不到彼此的任何内容。无论对方是否使用这个机器人，你得到的回答都一样。
help-friend-accept = 接受好友申请
    .details = `接受好友 1` 使用 `好友` 里的编号，`接受好友 @bob:example.org` 指定某人。
help-friend-decline = 悄悄拒绝好友申请
    .details = 申请人不会收到通知，也无从得知。
help-friend-remove = 悄悄移除好友
    .details = 从此你们看不到彼此的任何内容，已经展示过的动态会被撤回。也可以用来撤回自己的申请。
help-profile = 查看自己或好友的资料
    .details = `资料 @bob:example.org` 显示你能看到的 Bob 的资料。
help-profile-set = 填写你的资料
    .details = `设置资料 名字 小丽`、`设置资料 简介 喜欢湖`；还有 `地区`、`生日`、`电话`、`邮箱`，也可以自己起名字：`设置资料 爱好 帆船`。发一张图片并配文 `设置资料 头像` 就会成为头像。不写内容则清空。谁能看到什么，见 `隐私`。

alias-friends = 好友, 朋友
alias-friend-add = 加好友, 添加好友
alias-friend-accept = 接受好友, 接受
alias-friend-decline = 拒绝好友, 拒绝
alias-friend-remove = 删除好友, 移除好友
alias-profile = 资料
alias-profile-set = 设置资料

## 资料项
profile-line = { $field }：{ $value }
profile-too-many = 自己起名的资料项最多 { $limit } 个，请先清空一个。
profile-no-picture = 只有头像可以是图片。没有改动。
profile-needs-picture = 请发一张图片，并配文 `设置资料 头像`。没有改动。
field-name = 名字
field-avatar = 头像
field-bio = 简介
field-region = 地区
field-birthday = 生日
field-phone = 电话
field-email = 邮箱
field-free = { $name }
label-name = 名字
label-avatar = 头像
label-region = 地区
label-birthday = 生日
label-phone = 电话
label-email = 邮箱

## 好友的更多操作
friend-new-chats = 你和 { $user } 现在是好友了，仅聊天：彼此都看不到对方的动态。对方不会知道。
request-choice-chats = 3 — 接受，仅聊天：彼此看不到动态，对方不会知道
whom-none = 你没有叫“{ $name }”的好友。请写 Matrix 账号，例如 @bob:example.org。
whom-which = 你有几位好友都叫“{ $name }”：{ $users }。请写出对方的 Matrix 账号。
friend-none = { $user } 不在你的好友之中。
friend-you-block = 你已拉黑 { $user }。请先 `取消拉黑 { $user }`。
friend-line-blocked = { $who } — 已拉黑
past-question = 你在对方动态下的赞和评论现在不可见了。要保留吗？以后再成为好友时会恢复。
past-keep = 1 — 保留
past-withdraw = 2 — 永久撤回
past-kept = 已保留。
past-withdrawn = 你在对方动态下的赞和评论已全部删除。

## 拉黑和备注
block-done = 已拉黑 { $user }。对方不会知道：在对方看来，你只是什么都不再展示，而对方发给你的也不会到达。`取消拉黑 { $user }` 可以解除。
block-self = 不能拉黑自己。
block-limit = 最多可以拉黑 { $limit } 人，已经满了。请先解除一位。
unblock-done = 已不再拉黑 { $user }。
unblock-none = 你没有拉黑 { $user }。
remark-name = 好了。以后你会看到这个名字，别人看不到。
remark-name-none = 好了。以后你会看到 { $user } 自己的名字。
remark-note = 好了。关于 { $user } 的备忘只有你能看到。
remark-note-none = 好了。关于 { $user } 的备忘已删除。
remark-too-long = 太长了，最多 { $limit } 个字符。
remark-shown = 你的备注名：{ $name }
note-shown = 你的备忘：{ $note }

## 标签
tags-none = 你还没有标签。`加标签 #家人 @bob:example.org` 可以建一个。
tags-head = **你的标签**（只有你能看到）
tag-line = #{ $tag }：{ $people }
tag-line-empty = #{ $tag }：没有人
tag-added = 已加入 #{ $tag }：{ $people }。
tag-removed = 已移出 #{ $tag }：{ $people }。
tag-renamed = #{ $old } 现在叫 #{ $new }。
tag-deleted = #{ $tag } 已删除。它排除过的人仍然被排除。
tag-none = 你没有标签 #{ $tag }。`标签` 可以查看。
tag-exists = 你已经有标签 #{ $tag } 了。
tag-name = 标签是一个不超过 { $limit } 个字符的词，例如 #家人。
tag-limit = 最多可以有 { $limit } 个标签，已经满了。请先删除一个。
tag-members-limit = 一个标签最多 { $limit } 人。
tag-not-in = { $user } 不在 #{ $tag } 里。
tag-people = 请写一到 { $limit } 个人，例如 @bob:example.org。

## 邀请码
invite-new = 谁把这句话发给我，谁就成为你的好友：**邀请 { $code }**。可以用 { $uses ->
   *[other] { $uses } 次
}，有效期到 { $time }。
invite-new-scan = 对方扫描二维码或打开 { $link } 就能找到我并开始聊天，然后输入二维码下面的文字。
invite-new-howto = 对方打开 { $link } 就能找到我并开始聊天。
invite-uses = 一个邀请码最多可以用 { $limit } 次。
invite-expiry = 有效期请这样写：`12h`、`3d` 或 `2w`，最多 { $days } 天。
invite-limit = 你已有 { $limit } 个有效的邀请码。请先收回一个：`我的邀请码` 可以查看。
invite-none = 这个邀请码不能用。邀请码的时间和次数是有限的。
invite-own = 这是你自己的邀请码，请给别人用。
invites-none = 你现在没有有效的邀请码。`新邀请码` 可以生成一个。
invites-head = **你的邀请码**
invite-line = { $code } — 还可以用 { $uses ->
   *[other] { $uses } 次
}，到 { $time }
invites-howto = `收回邀请码 邀请码` 可以收回。
invite-revoked = 这个邀请码已失效。
invite-not-yours = 你没有这个邀请码。

## 可见范围的说法
audience-word-public = 所有人
audience-word-friends = 你的好友
audience-word-private = 仅自己
audience-word-tag = #{ $tag }
audience-word-tag-live = #{ $tag }（跟随）
audience-word-more = 另外 { $count } 人
audience-word-more-tags = 另外 { $count } 个标签
audience-word-except = { $in }，除了 { $out }

## 改动的影响
impact-lost = { $people ->
   *[other] { $people } 人
}将看不到 { $moments ->
   *[other] { $moments } 条动态
}。最多 { $copies } 份副本正在撤回，展示过的地方都会撤回。
impact-lost-least = 至少 { $people ->
   *[other] { $people } 人
}将看不到 { $moments ->
   *[other] { $moments } 条动态
}。最多 { $copies } 份副本正在撤回，展示过的地方都会撤回。
impact-gained = { $people ->
   *[other] { $people } 人
}现在能多看到 { $moments ->
   *[other] { $moments } 条动态
}。
impact-gained-least = 至少 { $people ->
   *[other] { $people } 人
}现在能多看到 { $moments ->
   *[other] { $moments } 条动态
}。
impact-none = 对你已发布的内容没有影响。
impact-none-least = 对你最近的 { $moments } 条动态没有影响。更早的同样按新的规则。
impact-strangers-lost = 陌生人将看不到 { $moments ->
   *[other] { $moments } 条动态
}。看过的陌生人那里，每条最多一份副本正在撤回。
impact-strangers-gained = 陌生人现在能多看到 { $moments ->
   *[other] { $moments } 条动态
}。
impact-field-lost = { $people ->
   *[other] { $people } 位好友不再看到它。最多 { $people } 份副本正在撤回。
}
impact-field-gained = { $people ->
   *[other] 又有 { $people } 位好友能看到它。
}
impact-field-strangers-lost = 陌生人不再看到它。看过的每个人那里，最多一份副本正在撤回。
impact-field-strangers-gained = 陌生人来看时现在能看到它。
impact-field-none = 对你的好友没有影响。
impact-field-empty = 这一项还没有填写：现在没有可看的内容。

## 更多帮助
help-block = 悄悄拉黑一个人，让对方的一切都到不了你这里
    .details = 在对方看来，你只是什么都不再展示。对方的申请、赞和评论都不会到达。
help-unblock = 解除拉黑
    .details = 一切恢复原样，对方不会知道。
help-remark = 给好友起一个只有你能看到的名字
    .details = `备注 @bob:example.org 湖边的小博`。不写名字则恢复对方自己的名字。
help-note = 记一条关于好友的备忘，只有你能看到
    .details = `备忘 @bob:example.org 爱喝茶`。不写内容则删除。`资料 @bob:example.org` 会显示给你看。
help-tags = 查看你的标签
    .details = 标签只有你能看到，标签里的人也不知道。
help-tag-add = 把好友放进标签
    .details = `加标签 #家人 @bob:example.org @carol:example.org`，然后 `发给 #家人 | …` 就是给他们的。
help-tag-remove = 把人移出标签
    .details = 按当时的标签展示过的仍然可见，跟随标签的则不再可见。
help-tag-rename = 给标签改名
    .details = `改标签 #工作 #同事`
help-tag-delete = 删除标签
    .details = 删除标签不会让任何人看到更多：它排除过的人仍然被排除。
help-invite = 用别人给的邀请码成为好友
    .details = `邀请 K7QF-9XMP-2RTA`
help-invite-new = 生成一个加好友的邀请码
    .details = `新邀请码` 可用一次，一周有效；`新邀请码 5 3d` 可用五次，三天有效。
help-invites = 查看你的邀请码
    .details = 只显示还有效的。
help-invite-revoke = 收回邀请码
    .details = 已经用它成为好友的不受影响。
alias-block = 拉黑
alias-unblock = 取消拉黑
alias-remark = 备注
alias-note = 备忘
alias-tags = 标签
alias-tag-add = 加标签
alias-tag-remove = 移标签
alias-tag-rename = 改标签
alias-tag-delete = 删标签
alias-invite = 邀请
alias-invite-new = 新邀请码
alias-invites = 我的邀请码
alias-invite-revoke = 收回邀请码

# --- private chats
chat-asked = 我会邀请 { $user } 和你单独聊天。对方进入后我也邀请你；你们都进入后我就离开：你们在那里写的内容，我读不到，也从来读不到。如果对方不来，我会告诉你。
chat-waits = 和 { $user } 的私聊已经在准备中，有进展我会告诉你。
chat-invited-already = { $user } 已经请求和你私聊：请查看你收到的邀请。
chat-limit = 每天最多可以请求 { $limit } 次私聊，请明天再试。
private-chat-asked = { $user } 想和你单独聊天。我邀请你进入的新房间就是为此准备的：愿意就加入。你们都进入后我就离开，读不到你们写的内容。不愿意的话什么都不用做，没有人会知道。
private-chat-ready = { $user } 已经进入。新房间的邀请正在发给你。你加入后我就离开，房间归你们两个人。
private-chat-over = 和 { $user } 的私聊没有成：有人没有按时加入。我已关闭它。`私聊 { $user }` 可以再次请求。
help-chat = 打开一个只有你和好友的聊天，我读不到
    .details = `私聊 @bob:example.org`。我建一个加密房间，邀请你们两人，等你们都进入后就离开。
alias-chat = 私聊
