# Privacy: `privacy recovery` and what belongs to it.

help-group-privacy = **Privacy**
help-privacy-recovery = asks for proof that it is you, should your encryption identity be reset
    .details = Use `on`, `off`, or nothing to see how it is set.
help-recover = goes on after your encryption identity was reset
    .details = Type it in a session that you had verified before, or with the code that `privacy recovery on` gave you.
alias-privacy-recovery = privacy-recovery
alias-recover = unlock

recovery-on = From now on, should your encryption identity ever be reset, I keep everything personal back until you confirm that it is you: with `recover` in a session that was verified before, or with this code. Write it down and then remove this message: **{ $code }**
recovery-off = Recovery is off. Should your encryption identity be reset, I tell you and go on.
recovery-is-on = Recovery is on. `privacy recovery on` gives you a new code, `privacy recovery off` turns it off.
recovery-is-off = Recovery is off. `privacy recovery on` turns it on and gives you a code.
recovery-switch = It is either `privacy recovery on` or `privacy recovery off`.
recovery-unsigned = Please verify this session in your app's security settings first, then switch it on: from then on I take nothing from sessions that you have not verified.
recovery-not-paused = There is nothing to recover: all is as usual.
recovery-wrong-code = That is not the code. Nothing was changed.
recovery-new-session = This session was not verified before your encryption identity was reset. Please use one that was, or type `recover` and the code that you were given.
recovery-done = Welcome back. Everything goes on as before. If you have not reset your encryption identity yourself, change your account's password now.
identity-changed-paused = Your encryption identity has been reset. As you asked me to, I keep everything personal back until you confirm that it is you: type `recover` in a session that you had verified before, or `recover` and your code.
paused = I keep everything personal back, because your encryption identity was reset. Type `recover` in a session that you had verified before, or `recover` and your code.
