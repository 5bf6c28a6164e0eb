// Which of a peer's IKE SAs carries new exchanges, where both sides must choose the same one
// without a word about it. Pure.
#ifndef VIGIL_SUCCESSION_H
#define VIGIL_SUCCESSION_H

#include "types.h"

struct ike_sa;

// The one to use now that `newest` has come up: it, or one that was there. An older one of the
// other side's, up no longer than `stays` before, goes on.
struct ike_sa *succession_current(struct ike_sa *newest, tick_t stays);

#endif
