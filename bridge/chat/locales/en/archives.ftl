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
