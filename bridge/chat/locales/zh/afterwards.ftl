# 动态发布之后。

## 可见范围
audience-changed = #{ $number } 现在的范围：{ $audience }，{ $count ->
    [0] 目前没有人
   *[other] { $count } 位好友
}可见。
audience-lost = { $count ->
   *[other] { $count } 位好友不再能看到。最多 { $count } 份副本正在撤回，展示过的地方都会撤回。
}
audience-strangers-lost = 陌生人不再能看到。看过的每个人那里，最多一份副本正在撤回。
audience-same = #{ $number } 的范围已经是：{ $audience }。
audience-ask = 如果 #{ $number } 的范围改为 { $audience }，会多{ $count ->
   *[other] { $count } 位好友
}看到：{ $people }。要改吗？
audience-ask-nobody = 如果 #{ $number } 的范围改为 { $audience }，目前不会有更多人看到，但以后可能会有。要改吗？
audience-ask-yes = 1 — 改
audience-ask-no = 2 — 不改
audience-kept = #{ $number } 的范围不变：{ $audience }。
audience-strangers-too = 来看的陌生人也能看到。
audience-strangers-off = 陌生人看不到你的任何内容，除非你允许：`设置隐私 陌生人 开`。
audience-tag-gone = 范围里的一个标签已经不在了，所以没有任何改动。请重新写一次范围。

## 到期
moment-until = 有效至 { $time }
moment-damaged-change = 这条动态已损坏，所以没有任何改动。你可以删除它。
expire-done = #{ $number } 保留至 { $time }。之后到处都会消失，密钥也会销毁。
expire-never = #{ $number } 会一直保留，直到你删除它。
expire-when = 什么时候到期？可以这样写：`24小时`、`7天`、`2026-12-24`、`2026-12-24 18:00`，或 `永不`。没有任何改动。
expire-too-soon = 不能这么快到期，最早是一分钟之后。`删除` 可以立刻删除它。
expire-too-far = 太久了，最多十年。没有任何改动。

## 帮助
help-edit = 修改自己一条动态的文字
    .details = `修改 3 湖边的早晨` 用新文字代替旧文字。编辑你自己的那条消息也一样。看过它的人会看到新文字，以及它被编辑过。
help-audience = 修改谁能看到自己的一条动态
    .details = `范围 3 好友 除了 #工作`。看不到的人立刻看不到，展示过的内容会撤回。要让更多人看到之前，我会先说是谁、有多少人，再问你。
help-expire = 让自己的一条动态到期消失
    .details = `到期 3 24小时`、`到期 3 7天`、`到期 3 2026-12-24`、`到期 3 永不`。到期后谁都看不到，包括你自己；展示过的副本都会撤回，密钥会销毁，备份里也无法再读。

alias-edit = 修改, 编辑
alias-audience = 范围
alias-expire = 到期

## 通知
notify-off = 有新动态时不通知你；`看看` 可以查看。
notify-digest = 每天 { $time } 告诉你一次有多少新动态。
notify-now = 每条新动态都会立刻发给你。
notify-tag-off = #{ $tag } 的动态不通知你。
notify-tag-digest = #{ $tag } 的动态每天汇总一次。
notify-tag-now = #{ $tag } 的动态立刻发给你。
notify-quiet = { $from } 到 { $to } 之间不会主动发动态相关的消息，到时再发。
notify-howto = 用 `通知 关`、`通知 摘要`、`通知 立即` 修改，也可以只对一个标签：`通知 立即 #家人`。更多：`帮助 通知`
notify-unknown = 我不明白。可以写 `通知 关`、`通知 摘要`、`通知 立即`、`通知 立即 #家人`、`通知 在 8:30`、`通知 免打扰 22:00-7:00`。没有任何改动。
digest-head = 好友有{ $count ->
   *[other] { $count } 条新动态
}
digest-author = { $author }：{ $count } 条
digest-others = 其他人：{ $count } 条
digest-howto = `看看` 可以查看。想少一些或多一些：`通知`

help-notify = 查看或修改新动态的通知方式
    .details = `通知 摘要` 每天一条汇总，`通知 立即` 每条立刻发来，`通知 关` 不通知。对部分好友可以不同：`通知 立即 #家人`、`通知 关 #工作`、`通知 默认 #工作`。`通知 在 8:30` 设置每天汇总的时间，`通知 免打扰 22:00-7:00` 设置不打扰的时段，`通知 免打扰 关` 取消。没有人会知道你的设置。
alias-notify = 通知

## 谁可以回应
responses-nobody = 除了你，没有人能赞或评论 #{ $number }。已有的保留。
responses-tag = 只有 #{ $tag } 里能看到的人可以赞或评论 #{ $number }。已有的保留。
responses-all = 能看到 #{ $number } 的好友都可以赞和评论。
responses-who = 谁可以赞和评论？写 `所有人`、`没有人`，或一个标签，例如 #家人。没有任何改动。
moment-responses-nobody = 赞和评论：没有人
moment-responses-tag = 赞和评论：#{ $tag }
moment-no-responses = 这里的赞和评论没有对你开放。

## 搜索
search-none = 在最近你能看到的动态里，没有包含这些词的。
search-what = 要找什么？可以这样写：`搜索 湖边 周日`

help-responses = 设置谁可以赞和评论自己的一条动态
    .details = `回应 3 没有人`、`回应 3 #家人`、`回应 3 所有人`。被排除的人只会知道没有对自己开放。
help-search = 按文字查找动态
    .details = `搜索 湖边 周日` 显示最近动态里文字或图片说明同时包含这些词的；`更多` 继续往下找。
alias-responses = 回应
alias-search = 搜索, 查找
