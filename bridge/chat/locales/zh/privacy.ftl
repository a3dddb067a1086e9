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
