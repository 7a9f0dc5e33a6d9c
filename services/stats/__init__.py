"""The service that counts: files, frames, sessions and the capture history of every target.

In:       file.arrived, file.scanned, file.quarantined, file.moved, file.removed; any order, any number of times.
Out:      session.finished when a night is over, quiet, and no file of its source waits; target.updated, at most one per
          second and target.
Owns:     what people decided about targets and rigs, mirrored into a key-value bucket for services without a database;
          the schema ``stats``; others read its views. The last file.scanned of each file is kept whole in it, so that
          who comes later reads no file again.
Promises: the order of events never matters; one exposure in several files counts once, and only LIGHT counts; totals
          are whole numbers kept by differences in the transaction that brings the frame, so that one more frame costs
          the same in a library of any size, and a rebuild from the frames gives the same tables bit for bit.
Read:     app -> handlers -> frames, sessions, sunrise, totals, placing (pure) -> store (SQL); finish tells what time
          brings, upkeep and unkept put right what is not as it should be.
"""
