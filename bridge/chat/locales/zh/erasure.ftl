# 账号的终结，以及为自己保留的评论。

help-account-delete = 删除你的账号和你的一切
    .details = 先告诉你会删掉什么，并给你一个要输入的确认码：`删除账号 确认码`。之后有几天时间，可以用 `保留账号` 撤回。
help-account-keep = 撤回删除账号
    .details = 只要时间还没到。
alias-account-delete = 删除账号, 注销账号, 删除我的账号
alias-account-keep = 保留账号, 保留我的账号

erasure-head = **账号的终结。** 这些会永远消失：
erasure-moments = { $count } 条动态
erasure-pictures = { $count } 张图片：它们的密钥，没有密钥谁也打不开文件
erasure-comments = { $count } 条评论
erasure-likes = { $count } 个赞
erasure-votes = { $count } 张投票
erasure-drafts = { $count } 份草稿
erasure-kept-comments = { $count } 条为你保留的评论副本
erasure-messages = 我发给你的 { $count } 条消息
erasure-log = { $count } 条访问记录
erasure-friends = { $count } 位好友的关系
erasure-requests = 你发出的 { $count } 个好友请求
erasure-profile = 资料里的 { $count } 项
erasure-tags = { $count } 个标签
erasure-remarks = 你对 { $count } 个人的备注
erasure-invites = { $count } 个邀请码
erasure-programs = { $count } 个小程序所知道的你
erasure-values = 小程序为你存的 { $count } 项内容
erasure-grants = 关于小程序能知道什么的 { $count } 个决定
erasure-nothing = 只有“你在这里”这件事
erasure-what = 别人写在你动态下的评论会一起消失。我会收回发给你好友的、你的内容，以及我在这里说过的话，销毁封存你一切内容的密钥，给你一张凭据，然后离开这个聊天。
erasure-stays = 别人抄下或看过的，我收不回来。你用过的小程序只会得知有人离开了，不知道是谁；它们为所有用户一起存的内容由它们自己清理。服务器上会留下谁也打不开的加密消息，以及我们何时聊过、聊了多少。
erasure-when = 在 { $time } 之前什么都不会改变，对你、对别人都一样，你可以用 `保留账号` 撤回。
erasure-code = 如果确定，请在 30 分钟内输入：`删除账号 { $code }`
erasure-confirmed = 你的账号将在 { $time } 终结。在那之前什么都不会改变，对你、对别人都一样，你可以照常使用。`保留账号` 可以撤回。
erasure-decided = 你的账号已经定在 { $time } 终结。`保留账号` 可以撤回。什么都没有改变。
erasure-begun = 你的账号正在终结。什么都没有改变。
erasure-kept = 你的账号保留下来了，一切照旧。
erasure-no-code = 你还没有确认码：`删除账号` 会告诉你会删掉什么，并给你一个。什么都没有改变。
erasure-code-over = 这个确认码已经失效；`删除账号` 会给你一个新的。什么都没有改变。
erasure-wrong-code = 确认码不对。什么都没有改变。
erasure-nothing-to-keep = 你的账号没有要被删除。什么都没有改变。
erasure-done = **你的账号已于 { $time } 删除。** 和封存它的密钥一起消失的有：
erasure-digest = 凭据：{ $digest }
erasure-canonical = 它是下面这一行的 SHA-256，这一行我不保留：`{ $text }`
erasure-goodbye = 谢谢你来过。我现在离开这个聊天；谁和我新开一个聊天，就从陌生人开始。

## 紧急查看
operator-opened = 运行这个机器人的人查看了你的这些内容：{ $what }。对方给出的理由：“{ $reason }”。这是机器人账册的第 { $number } 条（{ $hash }）；`日志` 里也有。
log-operator = { $time }：运行这个机器人的人查看了 { $what }，理由：“{ $reason }”（账册第 { $number } 条）。

## 保留期限
retention-inactive = 你很久没有和我说话了。在这里，没有人用的账号会被删除：你的账号和你的一切将在 { $time } 删除。在那之前随便和我说句话，它就会留下。

## 评论的副本
help-comments = 查看为你保留的评论
    .details = 用 `privacy set keep-comments on` 后，你写在别人动态下的评论也会只为你保留一份：评论本身会随动态一起消失。
alias-comments = 我的评论
kept-comments-head = **你写在别人动态下的话**
kept-comment = { $time }：{ $text }
kept-comments-none = 没有为你保留的评论。
kept-comments-on = 从现在起你写的评论都会保留，不管那条动态怎样。`privacy set keep-comments off` 会停止并删除这些副本。
kept-comments-off = `privacy set keep-comments on` 会从那时起为你保留你写的评论，不管那条动态怎样。
privacy-keep-comments-on = 你写在别人动态下的评论也会为你保留：`我的评论`。
privacy-keep-comments-off = 你写在别人动态下的评论会随动态一起消失。

erasure-told-head = 有小程序的服务器留有你的内容，会被要求删除：
erasure-told-deleted = “{ $title }”（{ $host }）：已签名确认删除，{ $time }
erasure-told-told = “{ $title }”（{ $host }）：已通知并得到确认，{ $time }
erasure-told-pending-dm = “{ $title }”（{ $host }）：还没有确认；到 { $time } 为止会一再通知它
erasure-told-pending-room = “{ $title }”（{ $host }）：你的一个房间会在接下来几天内单独通知，好让它无法把这和你对上；最迟 { $time }
