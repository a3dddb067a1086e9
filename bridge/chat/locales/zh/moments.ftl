# 动态：发布、浏览、赞和评论。
help-moments-keep = 自己的动态保留多久：`动态保留 1年`
    .details = 天、周、月或年：30天、6个月、1年。过后它们会永远消失，连同下面说过的话，就像你删除了一样。`动态保留 全部` 一直保留；`动态保留` 告诉你现在的设置。
alias-moments-keep = 动态保留, 保留动态
keep-all = 你的动态会一直保留，直到你删除。
keep-shown = 你的动态在发布 { $days } 天后消失。
keep-operator = 你的动态在发布 { $days } 天后永远消失：这是运营者的设置。`动态保留` 只能让它们更早消失。
keep-set = 从现在起，你的动态在发布 { $days } 天后永远消失。`动态保留 全部` 可以一直保留。
keep-question = 你有 { $count } 条动态已超过 { $days } 天：它们会在一小时内永远消失，连同下面说过的话。确定吗？
keep-choices = 1 确定 · 2 不要
keep-left = 什么都没有改变。
keep-when = 请说明多久：`动态保留 30天`、`动态保留 6个月`、`动态保留 1年`，或 `动态保留 全部`。


## 发布
posted-friends = 已发布，编号 #{ $number }，{ $count ->
   *[other] { $count } 位好友可见
}。
posted-no-friends = 已发布，编号 #{ $number }，好友可见。你还没有好友，所以暂时只有你自己能看到。
posted-private = 已保存，编号 #{ $number }，仅自己可见。
posted-people = 已发布，编号 #{ $number }，范围：{ $audience }，{ $count ->
    [0] 目前没有人
   *[other] { $count } 人
}可见。
posted-public = 已发布，编号 #{ $number }，范围：{ $audience }，{ $count ->
   *[other] { $count } 位好友
}以及来看的陌生人可见。
posted-public-friends = 已发布，编号 #{ $number }，范围：{ $audience }，{ $count ->
   *[other] { $count } 位好友
}可见。陌生人看不到你的任何内容，除非你允许：`设置隐私 陌生人 开`。
moment-empty = 还没有内容。可以这样写：`发布 湖边的早晨`
moment-too-long = 一条动态放不下这么多，最多 { $limit } 个字符，表情多时更少。没有发布任何内容。
audience-no-separator = 给谁看？正文从哪里开始？请用 | 隔开，例如：`发给 好友 | 你好`。没有发布任何内容。
audience-missing = 给谁看？可以写 `好友`、`公开`、`私密`、`#家人`、@bob:example.org，或 `好友 除了 #工作`。没有任何改动。
audience-unknown = 我不明白范围里的“{ $value }”。可以写 `好友`、`公开`、`私密`、#家人 这样的标签、@bob:example.org 这样的人，以及 `除了`。没有任何改动。
moment-pictures = 一条动态最多 { $limit } 张图片。这一张没有收下，其余不变。
warning-no-separator = 警告是什么？正文从哪里开始？请用 | 隔开，例如：`发布 预警 蜘蛛 | 看我发现了什么`。没有发布任何内容。
warning-empty = 警告是什么？例如：`发布 预警 蜘蛛 | 看我发现了什么`。没有发布任何内容。
warning-too-long = 警告太长了，最多 { $limit } 个字符。没有发布任何内容。
when-no-separator = 开头看起来是时间。如果是，请在后面加 |，例如：`发布 定时 18:00 | 开饭了`；如果不是，请换个词开头。没有发布任何内容。
when-unknown = 我不明白这个时间。可以写 `18:00`、`明天 9:30`、`周五 18:00`、`2026-12-31 23:00` 或 `2小时后`。如果不是时间，请换个词开头。没有发布任何内容。
when-past = 这个时间已经过去了。没有发布任何内容。
when-too-far = 太远了，最多提前 { $days } 天。没有发布任何内容。
mention-outside = { $user } 看不到这条，所以不能提到对方。请换一个包含对方的范围，或把名字放在反引号里，这样不会通知任何人。没有发布任何内容。
mention-which = 你有几位好友都叫“{ $name }”。请写出对方的 Matrix 账号，例如 @bob:example.org。没有发布任何内容。
mention-too-many = 最多可以提到 { $limit } 人。没有发布任何内容。
poll-no-separator = 选项到哪里为止？问题从哪里开始？请用 | 隔开，例如：`发布 投票 去 / 不去 | 我们去吗？`。如果不是投票，请换个词开头。没有发布任何内容。
poll-answers = 投票要有 { $least } 到 { $limit } 个选项，用 / 隔开：`发布 投票 去 / 不去 | 我们去吗？`。没有任何改动。
poll-answer-long = 投票的一个选项最多 { $limit } 个字符。没有任何改动。
poll-answer-twice = 投票里有两个选项相同。没有任何改动。
poll-question = 问题是什么？请写在选项后面：`发布 投票 去 / 不去 | 我们去吗？`。没有发布任何内容。
expire-no-separator = 开头看起来是到期时间。如果是，请在后面加 |，例如：`发布 到期 24h | 开饭了`；如果不是，请换个词开头。没有发布任何内容。
responses-no-separator = 开头看起来是谁可以回应。如果是，请在后面加 |，例如：`发布 回应 没有人 | 只是看看`；如果不是，请换个词开头。没有发布任何内容。
place-unknown = 我不明白这个地点。可以写 `geo:47.37,8.54`，或在草稿打开时用应用分享位置。没有任何改动。
audience-without-to = 开头看起来是可见范围。如果是，请用 `发给` 开头；如果不是，请换个词开头。没有发布任何内容。
audience-no-friend = { $user } 不在你的好友之中，只能指定好友。没有任何改动。
audience-too-many = 最多可以指定 { $limit } 个人和标签。没有任何改动。
audience-no-tag = 你没有标签 #{ $tag }。`标签` 可以查看。没有任何改动。
audience-except-whom = 要排除谁？请在 `除了` 后面写人或标签。没有任何改动。
audience-except-self = 自己的内容自己总能看到。没有任何改动。
audience-mixed = 这些词互相矛盾：要么是 `好友`、`公开`、`私密`，要么指定标签和人。没有任何改动。

## 动态的样子
moment-head = **#{ $number }** · { $author } · { $time }
moment-head-new = **#{ $number } · 新** · { $author } · { $time }
moment-damaged = （这里的内容已损坏，无法再读取。）
picture-damaged = （图片已损坏，无法再显示。）
comment-damaged = （已损坏）
moment-edited = 编辑于 { $time }
moment-for = 范围：{ $audience }
moment-only-friends = 只有好友可以点赞和评论。
moment-likes = ♥ { $people }
moment-more = 更早的：`更多`
people-and-more = { $people } 等，另有 { $count ->
   *[other] { $count } 人
}
comment-line = { $who }：{ $text }
comment-line-answer = { $who } 回复 { $whom }：{ $text }
comments-earlier = { $count ->
   *[other] 还有 { $count } 条更早的评论
}：`动态 { $number }`
comments-earlier-left = #{ $number } 在这之前还有 { $count ->
   *[other] { $count } 条评论
}。

picture-first-of = 第 1 张，共 { $count } 张：`动态 { $number }` 查看全部。
picture-first = 第 1 张，共 { $count } 张，其余随后。
picture-alt = 图片：{ $text }
picture-nth = { $index }/{ $count }
picture-nth-alt = { $index }/{ $count } · { $text }
moment-warning = ⚠ { $warning }
moment-closed = 内容已隐藏，`打开 { $number }` 查看。
moment-closed-pictures = 内容已隐藏，含 { $count ->
   *[other] { $count } 张图片
}。`打开 { $number }` 查看。
comments-closed = { $count ->
   *[other] { $count } 条评论
}：`打开 { $number }`

moment-place = 📍 { $latitude }, { $longitude }，约一公里范围
moment-place-exact = 📍 { $latitude }, { $longitude }
poll-answer = { $index } · { $answer }
poll-answer-votes = { $line } — { $people }
poll-votes = { $count }：{ $people }
poll-howto = 回复数字即可投票，或输入 `投票 { $number } 1`。你看到的是你认识的人的票。
poll-closed = 投票已结束。你看到的是你认识的人的票。

## 浏览
feed-empty = 这里还没有内容。用 `发布 …` 发一条，或用 `加好友 @user:server` 添加好友。
feed-end = 没有更多了。`看看` 会从最新的重新开始。
album-empty = 没有你能看到的 { $user } 的动态。
album-empty-own = 你还没有发布过动态。用 `发布 …` 开始吧。
moment-none = 没有编号为 { $number } 的动态。编号以 `看看` 和 `相册` 显示的为准。
moment-gone = 那条内容已经不在了。

page-gap = { "" }
page-text = { $text }
page-pictures = { $count ->
   *[other] { $count } 张图片
}
page-poll = 有 { $count } 个选项的投票
page-likes = ♥ { $count }
page-comments = { $count ->
   *[other] { $count } 条评论
}
page-edited = 已编辑
page-facts = { $first } · { $next }
page-howto = `动态 { $number }` 查看一条的全部内容；`赞 { $number }`，`评论 { $number } 文字`。
page-which = 那条消息里有好几条动态。说的是哪一条？请以编号开头，例如 `#{ $number } 真好看`，或输入 `评论 { $number } 真好看`。
page-which-like = 那条消息里有好几条动态。喜欢哪一条？请输入 `赞 { $number }`，换成它的编号。

## 赞
like-done = 你赞了 #{ $number }。
unlike-done = 你取消了对 #{ $number } 的赞。
unlike-none = 你没有赞过 #{ $number }。
likes-notice = ♥ { $people } { $count ->
   *[other] 赞了
}你的动态 #{ $number }。

## 投票
poll-voted = 你在 #{ $number } 投给了：{ $answer }
votes-notice = { $count ->
   *[other] { $people } 在你的投票 #{ $number } 里投了票
}。`动态 { $number }` 查看结果。
poll-unvoted = 已收回你在 #{ $number } 的票。
poll-no-vote = 你没有在 #{ $number } 投过票。
poll-none = 那条动态里没有投票。
poll-over = 投票已结束。仍可收回自己的票：`取消投票` 加编号。
poll-closed-done = #{ $number } 的投票已结束，已投的票保留。

## 评论
comment-done = 已评论 #{ $number }。
comment-changed = 评论已修改。
comment-empty = 还没有内容。可以这样写：`评论 1 真好看`
comment-too-long = 评论太长了，最多 { $limit } 个字符。
comment-limit = 你在这条动态下已有 { $limit } 条评论，不能再多了。
comment-notice = { $who } 评论了你的动态 #{ $number }
comment-notice-answer = { $who } 回复了你在 #{ $number } 的评论
mention-notice = { $who } 在 #{ $number } 提到了你
mention-notice-comment = { $who } 在 #{ $number } 的评论里提到了你
comment-notice-about = “{ $text }”
comment-notice-howto = 回复这条消息即可回应。

## 修改和删除
moment-deleted = 已删除，正在撤回我能撤回的所有副本；在已经把我移出的聊天里，副本会留下。{ $seconds ->
    [0] { "" }
   *[other] { $seconds } 秒内可以用 `撤销` 找回。
}
copies = 现在或以前能看到 #{ $number } 的有 { $count ->
   *[other] { $count } 人
}，所以最多有这么多份副本：
copies-gone = #{ $number } 已经消失。能看到它的有 { $count ->
   *[other] { $count } 人
}，所以最多有这么多份副本，我正在收回：
copies-server = { $server }：最多 { $count }
copies-server-unreached = { $server }：最多 { $count }；其中 { $unreached ->
   *[other] { $unreached } 人的聊天我到不了
}
copies-others = 另外 { $servers ->
   *[other] { $servers } 个服务器
}：最多 { $count }；到不了：{ $unreached }
copies-none = 现在和以前都没有别人能看到 #{ $number }，所以没有副本。
copies-strangers = 它是或曾是公开的：来看过的陌生人不算在内。
copies-howto = 数的是谁能看到，而不是谁看过：后者我不告诉任何人。到不了的聊天，是我被移出的、对方已离开的，或不许我收回的。那里要收回的内容，我会尝试 { $days } 天。
copies-word = `动态 { $number }` 显示这条动态；`动态 { $number } 副本` 告诉你哪里可能有它的副本。我不明白这里的“{ $word }”。
copies-may-stay = 能看到它的人当中，有些人的聊天我到不了，那里可能留有副本。`动态 { $number } 副本` 告诉你更多。
copies-unreached = { $server }：{ $count }
undo-none = 没有可以撤销的：`撤销` 只对最近一次发布、删除或隐私修改有效，须在 { $seconds } 秒内。
undo-post = 已撤回。#{ $number } 已删除，能撤回的副本都在撤回。
undo-delete = #{ $number } 回来了。能看到它的人下次浏览时会再看到。
undo-setting = 已恢复原样。
moment-changed = #{ $number } 已修改。
edit-not-understood = 修改后的消息我看不懂了，所以没有任何改动。请保留开头，只改后面的文字。
edit-audience = 编辑不能改变可见范围，所以没有任何改动。请用 `范围` 加编号来改。
edit-audience-draft = 编辑不能改变可见范围，所以没有任何改动。请用 `草稿给` 来改：`草稿给 #家人`
edit-part-gone = #{ $number } 的文字后来改过，我已不知道那条消息是其中的哪一段，所以没有任何改动。`修改 { $number } 文字` 可以重写全文。
edit-text-alone = 编辑只能改文字，而这样会改到别的内容，所以没有任何改动。请保留文字前面的部分。
edit-mention-outside = { $user } 看不到这条，所以不能提到对方。用 `范围` 可以让对方看到；放在反引号里的名字不会通知任何人。没有任何改动。

## 帮助
help-post = 发布给所有好友
    .details = `发布 湖边的早晨`。发送图片并写上 `发布 …` 作为说明也可以。编辑你的消息会修改文字（由几条消息组成时，修改那一条的部分），删除消息会删除动态。正文前面可以写（每项后面加 |）：`to #家人`、`定时 18:00`、`预警 蜘蛛`、`投票 去 / 不去`、`到期 24h`、`回应 没有人`、`geo:47.37,8.54`，发图片时还有 `图片说明 清晨的湖`。
help-post-to = 只发给你指定的人
    .details = `发给 好友 | 你好`，`发给 私密 | 只给自己`，`发给 @bob:example.org #家人 | 你们好`，`发给 好友 除了 #工作 | 你好`，`发给 公开 | 大家好`。换行和 | 作用相同。用 `@` 加 Matrix 账号、名字或备注可以提到好友。标签指现在在里面的人；`发给 #家人 跟随 | …` 则随标签变化。被标签排除的人随时都被排除。不再是好友就不再可见。
help-feed = 查看你和好友的最新动态
    .details = 回复一条动态就是评论，用爱心回应就是赞。编号只属于你，别人的编号与你不同。
help-feed-compact = 以后一页动态只用一条消息显示
    .details = 之后 `看看`、`相册` 和 `搜索` 会把十条动态的摘要放在一条消息里。`动态 3` 查看其中一条的文字和图片。回复时请以编号开头：`#3 真好看`。`完整` 恢复原样。
help-feed-full = 恢复为每条动态一条消息
    .details = 带文字、图片和最近的评论。另一种形式是 `简洁`。
help-feed-more = 查看更早的动态
    .details = 接着上一次的 `看看` 或 `相册` 往下看。
help-album = 查看自己或某位好友的动态
    .details = `相册 @bob:example.org` 显示 Bob 让你看到的动态。
help-moment = 查看一条动态和它的全部评论
    .details = `动态 3` 使用 `看看` 或 `相册` 里的编号。自己的动态可以用 `动态 3 副本` 查看哪些服务器上可能有它的副本，以及哪里我无法收回；消失后几周内也可以。
help-open = 打开小程序，或带内容警告的动态
    .details = `打开 word` 打开那个小程序，`小程序` 看有哪些。`打开 3` 和 `动态 3` 一样。
help-like = 赞一条动态
    .details = `赞 3`，或者用爱心、👍 回应它。Matrix 的表情回应不加密：服务器能看到表情和它所回应的消息。`赞 3` 是加密的。
help-unlike = 取消赞
    .details = `取消赞 3`。移除你的表情回应也一样。
help-comment = 评论一条动态
    .details = `评论 3 真好看`，或者直接回复那条动态。作者能看到，同样能看到这条动态的你的好友也能看到，其他人都看不到。删除你的消息会删除评论。
help-vote = 在动态里投票
    .details = `投票 3 2` 选择 #3 的第二个选项；回复那条动态并写上数字也一样。每人一票，后投的代替先投的。能看到你的赞的人就能看到你的票：作者，以及能看到这条动态的你的好友。
help-unvote = 收回自己的票
    .details = `取消投票 3`。投票结束后也可以收回。
help-poll-close = 结束自己动态里的投票
    .details = `结束投票 3`。之后不能再投，已投的票保留。发起投票：`发布 投票 去 / 不去 | 我们去吗？`
help-undo = 撤销最近一次发布、删除或隐私修改
    .details = 只在很短的时间内、对最近一次有效；改一条动态的可见范围也算隐私修改。撤回的发布会立即销毁。删除的内容立即对所有人不可见，过了这段时间才销毁。别人已经读过的，就是读过了。
help-delete = 删除自己的一条动态
    .details = `删除 3`。所有展示过的副本都会撤回。删除你自己的那条消息也一样。

alias-post = 发布
alias-post-to = 发给
alias-feed = 看看, 朋友圈
alias-feed-compact = 简洁, 看看 简洁
alias-feed-full = 完整, 看看 完整
alias-feed-more = 更多
alias-album = 相册
alias-moment = 动态
alias-open = 打开
alias-like = 赞
alias-unlike = 取消赞
alias-comment = 评论
alias-vote = 投票
alias-unvote = 取消投票
alias-poll-close = 结束投票
alias-undo = 撤销
alias-delete = 删除
