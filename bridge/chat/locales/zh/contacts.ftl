# 好友、好友申请和个人资料。

## 人的称呼
person-you = 你
person-id = { $user }
person-damaged = 某人（其资料已损坏）
person-named = { $name }（{ $user }）
person-list = { $first }、{ $next }

## 发出申请
friend-asked = 你的申请正在等 { $user } 回复。对方接受后，我会告诉你。
friend-new = 你和 { $user } 现在是好友了。
friend-self = 这是你自己。好友得是别人。
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
friend-removed = { $user } 已不在你的好友之中，对方不会收到通知。你们不再看到彼此的动态，已经展示过的也正在撤回。
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
profile-name = 名字：{ $name }
profile-empty = 还没有填写任何内容。
profile-none = 没有你能看到的 { $user } 的资料。
profile-howto = 你的好友能看到这些。用 `设置资料 名字 …` 或 `设置资料 简介 …` 修改。
profile-set = 好了，你的好友会看到新的{ $field ->
    [name] 名字
   *[bio] 简介
}。
profile-cleared = 好了，你的{ $field ->
    [name] 名字
   *[bio] 简介
}已清空。
profile-field-unknown = 没有“{ $field }”这一项。可以填写 `名字` 和 `简介`。
profile-too-long = 你的{ $field ->
    [name] 名字
   *[bio] 简介
}太长了，最多 { $limit } 个字符。

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
help-profile-set = 填写个人资料
    .details = `设置资料 名字 Alice`、`设置资料 简介 我喜欢湖`。不写内容就会清空这一项。只有你的好友能看到。

alias-friends = 好友, 朋友
alias-friend-add = 加好友, 添加好友
alias-friend-accept = 接受好友, 接受
alias-friend-decline = 拒绝好友, 拒绝
alias-friend-remove = 删除好友, 移除好友
alias-profile = 资料
alias-profile-set = 设置资料
