// Log lines that a peer causes by what it does, at a rate: quick modes and their Deletes cost it
// little, and would push all else out of the log. Control core only.
#ifndef VIGIL_PEER_LOG_H
#define VIGIL_PEER_LOG_H

#include "types.h"

struct control;
struct peer;

enum peer_log_kind {
	PEER_LOG_REMARK, // of its algorithms, say: leaves lines to the other kind
	PEER_LOG_STATUS, // its tunnels are up, or down
};

// May one more line about the peer be logged? Of one that ends always, whatever it did before. The
// first that is left out is replaced by a line that says so; how many were follows when more are
// logged again, or with the peer's end.
bool peer_log_may(struct control *c, struct peer *p, enum peer_log_kind kind);
// The peer is freed.
void peer_log_end(struct control *c, struct peer *p);

#endif
