# 导出与导入：把自己在这里的一切变成文件。

help-export = 把你的一切作为文件交给你
    .details = 一个或几个 zip 文件，发到这个聊天里：用浏览器打开其中的 `index.html`。别人写的内容，只有你看得到的才在里面。`导入` 可以把它放回来，在这里或在别处。
alias-export = 导出, 导出数据, 下载我的数据

export-begun = 我正在整理你的一切，完成后会作为文件发到这里，可能要几分钟。
export-running = 你的导出正在制作，完成后会作为文件发到这里。什么都没有改变。
export-often = 24 小时内我最多为你导出 { $limit } 次，请晚些再来。
export-whole = **你的一切，截至 { $time }。**
export-part = **你的一切，第 { $number } 部分，共 { $count } 部分。**
export-how = 解压（所有部分放进同一个文件夹），再打开 `index.html`。解压之后就不再加密了：请放在只有你能看的地方。
export-missing = 有 { $count } 张图片取不到或放不下，没有包含在内；`manifest.json` 里列出了它们。
export-unreachable = 导出没有成功：太久连不上服务器。什么都没有改变；`导出` 可以重新开始。
export-refused = 导出没有成功：服务器不接受这么大的文件。什么都没有改变；运行这个机器人的人可以解决。
export-too-much = 导出没有成功：它超过了运行这个机器人的人允许的大小。什么都没有改变。
export-failed = 导出没有成功：这里出了问题。什么都没有改变；`导出` 可以重新开始。
log-export = { $time }：你要求导出你的一切。

# 导出的页面。
export-title = { $user } 的一切
export-as-of = 截至 { $time }。
export-lists = 文件夹 lists 里是同样内容的表格（CSV），.json 文件供程序使用（ActivityStreams 2.0），manifest.json 列出所有文件及其 SHA-256。
export-others = 别人写的和赞的，只要导出时你看得到，就在这里。你向别人发出、还没有得到回答的请求不在这里。
export-page-contacts = 好友、标签与决定
export-page-profile = 资料
export-page-moments = 动态，第 { $page } 页
export-page-comments = 在别人动态下的评论，第 { $page } 页
export-page-likes = 给别人动态的赞，第 { $page } 页
export-page-rest = 草稿与保留的评论
export-page-programs = 小程序
export-list-program-values = 它们为你存的内容
export-list-program-grants = 它们能知道什么
export-list-program-told = 最近告诉它们的内容
export-page-settings = 设置
export-page-log = 什么读过你的内容
export-list-friends = 好友
export-list-tags = 标签
export-list-remarks = 备注名与备注
export-list-decisions = 拉黑、仅聊天等
export-list-requests = 给你的好友请求
export-list-invites = 邀请码
export-list-drafts = 草稿
export-list-kept = 为你保留的评论
export-moment = { $time }
export-likes = { $people } 赞过
export-comment = { $who }，{ $time }：
