# 别人发来的图片可能出现的问题。
picture-large = 图片太大。最多支持 { $megabytes } MB，请发送小一些的图片。
picture-pixels = 图片像素过多。最多支持 { $megapixels } 百万像素，请先缩小再发送。
picture-type = 只支持 JPEG、PNG、WebP 和 GIF 图片，这个文件不是其中任何一种。
picture-broken = 无法读取这张图片，文件可能已损坏。请重新发送，或换一张。
picture-slow = 处理这张图片的时间太长，已停止。请发送小一些或简单一些的图片。
picture-busy = 现在发送图片的人很多，请一分钟后再发一次。
picture-failed = 无法处理这张图片。请再试一次；如果仍然不行，请改用 JPEG 格式发送。
