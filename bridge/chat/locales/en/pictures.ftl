# What can be wrong with a picture that somebody sends.
picture-large = That picture is too large. I can take up to { $megabytes } MB: please send a smaller one.
picture-pixels = That picture has too many pixels. I can take up to { $megapixels } megapixels: please scale it down first.
picture-type = I can take JPEG, PNG, WebP and GIF pictures, and that file is none of them.
picture-broken = I could not read that picture: the file seems to be damaged. Please send it again, or another one.
picture-slow = Reading that picture took too long, so I stopped. Please send a smaller or simpler one.
picture-busy = Many pictures are being sent right now. Please send yours again in a minute.
picture-failed = I could not get that picture ready. Please try again; if it happens twice, send it as a JPEG.
