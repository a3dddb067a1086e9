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

help-import = 把导出的内容放回来
    .details = 发送文件时附上说明 `导入`，或先发 `导入` 再发文件；有几个就发几个。我会先说里面有什么，问过你才会改变。以前看不到的人不会因此看到：原本给某些人看的，如果他们在这里不是你的好友，就只有你自己看得到。
alias-import = 导入, 导入数据
import-send = 请发送 `导出` 给你的文件；如果有几个，全都发来，顺序不限。
import-running = 你的导入正在进行：请回答它的问题，或等它结束。什么都没有改变。
import-often = 24 小时内我最多接受你 { $limit } 次导入，请晚些再来。
import-more = { $have } 个部分没有问题。还有别的部分：请也发来。
import-missing = 没有问题。共 { $count } 个部分，还缺：{ $missing }。请也发来。
import-no-archive = 这不是 Courtyard 的导出文件。什么都没有改变。
import-newer = 这个导出来自比这里更新的 Courtyard。什么都没有改变。
import-damaged = 这个导出已损坏，或被改动过。这里什么都没有改变；请原样发送你得到的文件。
import-too-large = 这个导出太大，我不接受。什么都没有改变。
import-not-yours = 这是别人的导出。什么都没有改变。
import-other-archive = 这个文件和之前的不属于同一次导出。什么都没有改变。
import-gone = 我取不到或打不开这个文件。什么都没有改变；请再发一次。
import-over = 你的导入已经结束：太久没有收到东西。什么都没有改变；`导入` 可以重新开始。
import-unreachable = 你的导入停下了：太久连不上服务器。已经放回来的都在这里；再发一次，我会接着做。
import-refused = 你的导入停下了：服务器不接受里面的图片。已经放回来的都在这里；运行这个机器人的人可以解决。
import-too-much = 你的导入太大，我不接受。
import-failed = 你的导入停下了：这里出了问题。已经放回来的都在这里；再发一次，我会接着做。
import-question = **你在 { $time } 的导出。要放回来吗？** 会放回来的有：
import-moments-new = { $count } 条动态
import-moments-narrowed = 其中 { $count } 条只有你自己看得到：原本能看的人在这里不一样
import-profile = 资料里的 { $count } 项，这里还空着的
import-tags = { $count } 个标签，这里还没有同名的，里面是你在这里的好友
import-people = 你对 { $count } 个人的决定和备注
import-drafts = { $count } 份草稿；原定的发布时间不保留
import-settings = 你的设置：这里已经有内容的话，取展示更少的那个
import-left-out = 不会放回来的有：
import-moments-known = { $count } 条这里已经有的动态
import-moments-over = { $count } 条时间已过或不能在这里发布的动态
import-not-friends = { $count ->
    [0] 好友：原本没有
   *[other] 你的 { $count } 位好友：可以用 `加好友` 在这里邀请
}
import-not-others = 别人写的、赞的和在你的投票里选的，你在别人动态下说的、赞的和选的，请求、邀请码和访问记录
import-not-programs = 小程序为你存的内容和它们能知道的：在这里由你重新决定
import-choices = 1 放回来 · 2 不要
import-begun = 我正在放回来，完成后告诉你。
import-left = 什么都没有改变。
import-done = { $count ->
    [0] 完成了：你的导出已经放回来，没有这里还没有的动态。
   *[other] 完成了：你的导出已经放回来，有 { $count } 条动态。没有通知任何人。
}
import-drafts-left = 有 { $count } 份草稿放不下，或不能在这里发布。
import-pictures = 有 { $count } 张图片不能用。

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
