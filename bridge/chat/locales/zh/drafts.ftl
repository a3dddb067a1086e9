# 草稿：正在收集、等待确认或定时发布的内容。

## 一份草稿
draft-opened = 草稿已打开。发文字和图片，几条都可以，都会加进去。其他命令照常可用；自带文字的命令前面要加 !。
draft-summary = 草稿里有：{ $texts ->
    [0] 没有文字
   *[other] { $texts } 段文字，{ $characters } 个字符
}{ $pictures ->
    [0] 。
   *[other] ；{ $pictures } 张图片。
}
draft-wider = 这条会给上一条之外的人看到，上一条的范围是 { $audience }。确定吗？
draft-warning = 内容警告：{ $warning }
draft-due = 时间：{ $time }。
draft-poll = 投票：{ $answers }
draft-place = 📍 { $latitude }, { $longitude }：别人看到的精度约一公里。`草稿地点 精确` 按原样显示。
draft-place-exact = 📍 { $latitude }, { $longitude }，按原样显示。`草稿地点 粗略` 则约一公里。
draft-expires = 到期：{ $when }
responders-nobody = 没有人
responders-all = 能看到的所有好友
draft-responses = 赞和评论：{ $who }
draft-for-nobody = 范围：{ $audience }。
draft-for = 范围：{ $audience }，{ $count ->
    [0] 目前没有人
   *[other] { $count } 人，{ $people }
}。
draft-for-public = 范围：{ $audience }，{ $count ->
    [0] 目前没有好友
   *[other] { $count } 位好友，{ $people }
}；以及来看的陌生人。
draft-alt = 图片 { $number } 里是什么？请回复一句话给看不到图的人，或输入 `图片说明 { $number } 文字`。
draft-choice-publish = 发布
draft-choice-schedule = 到时发布
draft-choice-now = 现在就发布
draft-choice-audience = 选择谁能看到
draft-choice-cancel = 丢弃
draft-cancelled = 已丢弃，没有发布任何内容。
draft-audience-which = 给谁看？
draft-audience-howto = 请回复数字，或直接写：`草稿给 #家人 @bob:example.org`

## 不行的时候
draft-none = 没有草稿。单独发 `发布` 会打开一份。
draft-empty = 草稿里还没有内容。请发文字或图片。
draft-texts = 草稿最多 { $limit } 段文字。这一段没有收下，其余不变。
draft-limit = 你已有 { $limit } 份草稿，不能再多了。`草稿箱` 可以查看；请发布或丢弃一份。没有发布任何内容。
draft-no-picture = 草稿里没有图片 { $number }。
alt-which = 哪一张图片？`图片说明 2 文字` 说的是草稿的第二张，`图片说明 #3 2 文字` 说的是自己动态 #3 的第二张。没有任何改动。
alt-which-posted = { $count ->
    [0] #{ $number } 没有图片。没有任何改动。
    [one] #{ $number } 的图片里是什么？请这样写：`图片说明 #{ $number } 文字`。没有任何改动。
   *[other] #{ $number } 有 { $count } 张图片。哪一张，里面是什么？请这样写：`图片说明 #{ $number } 2 文字`。没有任何改动。
}
alt-too-long = 图片说明太长了，最多 { $limit } 个字符。
gather-command = 草稿开着，而这句话的开头像命令 `{ $name }`。想执行命令，请在前面加 !；想放进草稿，请换个词开头。什么都没有做。

picture-describe = 图片里是什么？请回复这条消息，写一句话给看不到图的人。
picture-described = 谢谢，他们现在会看到这句话。
place-howto = 想发布地点，请先发 `发布` 打开草稿，再分享位置：它会加进草稿，别人看到的精度约一公里。

## 时间
draft-scheduled = 我会在 { $time } 发布。
draft-scheduled-howto = 到时会重新核对谁能看到。`草稿箱` 可以查看和更改。
draft-due-posted = 定时的内容已发布。
draft-due-failed = 定时的内容没能发布：
draft-due-kept = 内容还在：`草稿箱`

## 所有草稿
drafts-none = 你没有草稿。单独发 `发布` 会打开一份。
drafts-head = 你的草稿：
drafts-about = “{ $text }”
drafts-open = { $what }（打开中）
drafts-kept = { $what }
drafts-scheduled = { $what } · { $time }
drafts-howto = 回复数字，继续处理那一份。

## 帮助
help-drafts = 查看草稿和定时发布
    .details = 回复数字可以发布、选择谁能看到，或丢弃。很久没动的草稿会被丢弃。
help-draft = 查看当前草稿
    .details = 单独发 `发布` 会打开草稿，之后发的文字和图片都会加进去。
help-draft-to = 选择谁能看到草稿
    .details = `草稿给 #家人 @bob:example.org 除了 #工作`，写法和 `发给` 一样。
help-draft-at = 选择草稿何时发布
    .details = `草稿定时 18:00`、`草稿定时 明天 9:30`、`草稿定时 周五 18:00`、`草稿定时 2小时后`，按你的时区（`时区`）。`草稿定时 关` 取消时间。
help-draft-cw = 给草稿加内容警告
    .details = `草稿预警 蜘蛛` 会隐藏文字和图片，读者打开才看到。`草稿预警 关` 取消。
help-draft-poll = 把草稿变成投票
    .details = `草稿投票 去 / 不去`，两到十个选项。正文就是问题。`草稿投票 关` 取消。
help-draft-place = 说明地点
    .details = 草稿打开时用应用分享位置，或 `草稿地点 geo:47.37,8.54`。别人看到的精度约一公里；`草稿地点 精确` 按原样显示，`草稿地点 关` 不显示。
help-draft-expire = 让发布的内容自动到期
    .details = `草稿到期 24h` 从发布时算起，也可以 `草稿到期 2026-12-24`。`草稿到期 关` 取消。
help-draft-responses = 决定谁可以赞和评论
    .details = `草稿回应 没有人`，`草稿回应 #家人`，`草稿回应 所有人`。
help-alt = 说明草稿或自己动态里的图片是什么
    .details = `图片说明 1 清晨的湖` 说的是草稿的第一张图片，`图片说明 #3 2 清晨的湖` 说的是自己动态 #3 的第二张。给看不到图片或应用不显示图片的人。

alias-drafts = 草稿箱
alias-draft = 草稿
alias-draft-to = 草稿给, 草稿 给, 草稿 发给
alias-draft-at = 草稿定时, 草稿 定时
alias-draft-cw = 草稿预警, 草稿 预警
alias-draft-poll = 草稿投票, 草稿 投票
alias-draft-place = 草稿地点, 草稿 地点
alias-draft-expire = 草稿到期, 草稿 到期
alias-draft-responses = 草稿回应, 草稿 回应
alias-alt = 图片说明
