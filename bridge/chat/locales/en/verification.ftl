# Verification by emoji, confirmed by the operator.

## The question
verification-ask = **{ $person } is verifying me.** Ask them, over a channel that you trust (face to face, by phone), which seven emoji their client shows. Mine are:
verification-decimals = As numbers: { $a } – { $b } – { $c }
verification-choice-match = 1 — they are the same, in this order
verification-choice-differ = 2 — they are not
verification-ask-howto = Answer with the number, best within a minute: many clients wait no longer.

## What came of it
verification-confirmed = Confirmed. I will tell you once their client has confirmed too.
verification-refused = Cancelled. Somebody may be listening in between: please tell the person.
verification-type-it = Please type the number, in a session that you have verified: a reaction, or an unverified session, could be somebody else's.
verification-over = That verification is over already.
verification-signed = { $person } is verified: I have signed their identity.
verification-not-signed = The verification of { $person } ended without a signature.

## The emoji of the Matrix specification, by number
verification-emoji = { $number ->
    [0] 🐶 Dog
    [1] 🐱 Cat
    [2] 🦁 Lion
    [3] 🐎 Horse
    [4] 🦄 Unicorn
    [5] 🐷 Pig
    [6] 🐘 Elephant
    [7] 🐰 Rabbit
    [8] 🐼 Panda
    [9] 🐓 Rooster
    [10] 🐧 Penguin
    [11] 🐢 Turtle
    [12] 🐟 Fish
    [13] 🐙 Octopus
    [14] 🦋 Butterfly
    [15] 🌷 Flower
    [16] 🌳 Tree
    [17] 🌵 Cactus
    [18] 🍄 Mushroom
    [19] 🌏 Globe
    [20] 🌙 Moon
    [21] ☁️ Cloud
    [22] 🔥 Fire
    [23] 🍌 Banana
    [24] 🍎 Apple
    [25] 🍓 Strawberry
    [26] 🌽 Corn
    [27] 🍕 Pizza
    [28] 🎂 Cake
    [29] ❤️ Heart
    [30] 😀 Smiley
    [31] 🤖 Robot
    [32] 🎩 Hat
    [33] 👓 Glasses
    [34] 🔧 Spanner
    [35] 🎅 Santa
    [36] 👍 Thumbs Up
    [37] ☂️ Umbrella
    [38] ⌛ Hourglass
    [39] ⏰ Clock
    [40] 🎁 Gift
    [41] 💡 Light Bulb
    [42] 📕 Book
    [43] ✏️ Pencil
    [44] 📎 Paperclip
    [45] ✂️ Scissors
    [46] 🔒 Lock
    [47] 🔑 Key
    [48] 🔨 Hammer
    [49] ☎️ Telephone
    [50] 🏁 Flag
    [51] 🚂 Train
    [52] 🚲 Bicycle
    [53] ✈️ Aeroplane
    [54] 🚀 Rocket
    [55] 🏆 Trophy
    [56] ⚽ Ball
    [57] 🎸 Guitar
    [58] 🎺 Trumpet
    [59] 🔔 Bell
    [60] ⚓ Anchor
    [61] 🎧 Headphones
    [62] 📁 Folder
   *[63] 📌 Pin
}
