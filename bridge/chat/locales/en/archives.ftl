# Exports and imports: what one has here, as a file.

help-export = gives you everything of yours as a file
    .details = A zip file, or several, here in this chat: open `index.html` in it with a browser. What others wrote is in it only where you can see it. `import` takes it back, here or elsewhere.
alias-export = download my data, export my data

export-begun = I am putting together everything of yours. It comes here as a file; that may take some minutes.
export-running = Your export is being made; it comes here as a file. Nothing was changed.
export-often = { $limit ->
    [one] I make one export for you within 24 hours. Please come back later.
   *[other] I make { $limit } exports for you within 24 hours. Please come back later.
}
export-whole = **Everything of yours, as of { $time }.**
export-part = **Everything of yours, part { $number } of { $count }.**
export-how = Unpack it (all parts into one folder) and open `index.html`. It is not encrypted any more then: keep it where only you can read it.
export-missing = { $count ->
    [one] One picture could not be fetched or did not fit, and is not in it; `manifest.json` names it.
   *[other] { $count } pictures could not be fetched or did not fit, and are not in it; `manifest.json` names them.
}
export-unreachable = Your export has come to nothing: the homeserver could not be reached for too long. Nothing was changed; `export` begins anew.
export-refused = Your export has come to nothing: the homeserver takes no file of this size. Nothing was changed; whoever runs this bot can mend it.
export-too-much = Your export has come to nothing: it is larger than whoever runs this bot allows. Nothing was changed.
export-failed = Your export has come to nothing: something went wrong here. Nothing was changed; `export` begins anew.
log-export = { $time }: you asked for an export of everything of yours.

help-import = takes an export back
    .details = Send me the file with the caption `import`, or `import` and then the file; of several, all of them. I say what is in it and ask before anything changes. Nothing is shown to anybody who could not see it before: what was for people who are not your friends here is for you alone.
alias-import = import my data
import-send = Now send me the file that `export` gave you; of several, all of them, in any order.
import-running = An import of yours is under way: answer its question, or wait for its end. Nothing was changed.
import-often = { $limit ->
    [one] I take one import from you within 24 hours. Please come back later.
   *[other] I take { $limit } imports from you within 24 hours. Please come back later.
}
import-more = { $have ->
    [one] This part is all right. There are more: send them too.
   *[other] { $have } parts are all right. There are more: send them too.
}
import-missing = All right. Of { $count } parts these are missing: { $missing }. Send them too.
import-no-archive = That is no export of Courtyard. Nothing was changed.
import-newer = That export was made by a newer Courtyard than this one. Nothing was changed.
import-damaged = That export is damaged, or something was changed in it. Nothing was changed here; send the file as you got it.
import-too-large = That export is larger than I take. Nothing was changed.
import-not-yours = That is the export of somebody else. Nothing was changed.
import-other-archive = That file belongs to another export than those before. Nothing was changed.
import-gone = I could not fetch or open that file. Nothing was changed; please send it again.
import-over = Your import is over: nothing came for too long. Nothing was changed; `import` begins anew.
import-unreachable = Your import has come to a stop: the homeserver could not be reached for too long. What was taken so far is here; send it again, and I go on.
import-refused = Your import has come to a stop: the homeserver does not take its pictures. What was taken so far is here; whoever runs this bot can mend it.
import-too-much = Your import is larger than I take.
import-failed = Your import has come to a stop: something went wrong here. What was taken so far is here; send it again, and I go on.
import-question = **Your export of { $time }. Shall I take it back?** This would come:
import-moments-new = { $count ->
    [one] one moment
   *[other] { $count } moments
}
import-moments-narrowed = { $count ->
    [one] of these, one for you alone: it was for people who are not the same here
   *[other] of these, { $count } for you alone: they were for people who are not the same here
}
import-profile = { $count ->
    [one] one line of your profile, where nothing stands here
   *[other] { $count } lines of your profile, where nothing stands here
}
import-tags = { $count ->
    [one] one tag, if you have none of its name, with your friends in it
   *[other] { $count } tags, where you have none of their names, with your friends in them
}
import-people = { $count ->
    [one] what you decided and keep about one person
   *[other] what you decided and keep about { $count } people
}
import-drafts = { $count ->
    [one] one draft; a time at which it was to be posted is not kept
   *[other] { $count } drafts; times at which they were to be posted are not kept
}
import-settings = your settings: where there is something here already, whichever shows less
import-left-out = This would not:
import-moments-known = { $count ->
    [one] one moment that is here
   *[other] { $count } moments that are here
}
import-moments-over = { $count ->
    [one] one moment whose time is over, or that can't be posted here
   *[other] { $count } moments whose time is over, or that can't be posted here
}
import-not-friends = { $count ->
    [0] friends: there were none
    [one] your friend: `friend add` asks them here
   *[other] your { $count } friends: `friend add` asks them here
}
import-not-others = what others wrote, liked and chose in your polls, what you said, liked and chose under moments of others, requests, codes, and the log
import-not-programs = what mini-programs keep for you and may know about you: here you decide about them anew
import-choices = 1 Take it · 2 Leave it
import-begun = I am taking it back; I tell you when it is done.
import-left = Nothing was changed.
import-done = { $count ->
    [0] Done: your export is taken back. There was no moment that was not here.
    [one] Done: your export is taken back, with one moment. Nobody was told.
   *[other] Done: your export is taken back, with { $count } moments. Nobody was told.
}
import-drafts-left = { $count ->
    [one] For one draft there was no room, or it can't be posted here.
   *[other] For { $count } drafts there was no room, or they can't be posted here.
}
import-pictures = { $count ->
    [one] One picture could not be used.
   *[other] { $count } pictures could not be used.
}

# In the pages of an export.
export-title = Everything of { $user }
export-as-of = As of { $time }.
export-lists = The folder lists holds the same as tables (CSV), the .json files hold it for programs (ActivityStreams 2.0), manifest.json lists all files with their SHA-256.
export-others = What others wrote and liked is here where you could see it when this was made. What you asked of people who have not answered is not.
export-page-contacts = Friends, tags and decisions
export-page-profile = Profile
export-page-moments = Moments, page { $page }
export-page-comments = Comments under moments of others, page { $page }
export-page-likes = Likes for moments of others, page { $page }
export-page-rest = Drafts and kept comments
export-page-programs = Mini-programs
export-list-program-values = What they keep for you
export-list-program-grants = What they may know
export-list-program-told = What they were told last
export-page-settings = Settings
export-page-log = What read something of yours
export-list-friends = Friends
export-list-tags = Tags
export-list-remarks = Names and notes
export-list-decisions = Blocked, for chats only, and the like
export-list-requests = Friend requests to you
export-list-invites = Invite codes
export-list-drafts = Drafts
export-list-kept = Comments kept for you
export-moment = { $time }
export-likes = Liked by { $people }
export-comment = { $who }, { $time }:
