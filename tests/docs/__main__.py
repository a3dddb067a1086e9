"""Bring what is generated in the documents up to date.

python -m tests.docs             the tables, and the picture from the recorded conversation
python -m tests.docs --record    first record the conversation anew: runs the demo with the README's script
"""

import asyncio
import sys

from tests.docs import conversation, moments_picture, vectors
from tests.docs.contract import published
from tests.docs.tables import ROOT, TABLES, with_tables

if "--record" in sys.argv[1:]:
    conversation.write(conversation.TRANSCRIPT, asyncio.run(conversation.record()))
conversation.write(conversation.PICTURE, conversation.draw(conversation.TRANSCRIPT.read_text("utf-8")))
conversation.write(moments_picture.PICTURE, moments_picture.draw())
for document in sorted({where for where, _ in TABLES.values()}):
    conversation.write(ROOT / document, with_tables(document))
for name, text in published():
    conversation.write(ROOT / "docs" / name, text)
conversation.write(vectors.FILE, vectors.render())
