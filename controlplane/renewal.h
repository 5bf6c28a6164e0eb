// When SAs are renewed. Pure but for the random numbers.
#ifndef VIGIL_RENEWAL_H
#define VIGIL_RENEWAL_H

#include "types.h"

// A random time below `range` ticks, from the operating system's generator; 0 for 0.
tick_t renewal_jitter(tick_t range);
// How long after its beginning an SA with this lifetime is renewed. A tenth of the lifetime before
// its end, at least ten seconds, and up to as much again, so that SAs that were made together are
// not renewed together; half the lifetime where that leaves nothing. The responder leaves the
// initiator the first try: it takes half of that time to all of it.
tick_t renewal_after(tick_t lifetime, bool initiator);

// How long after a try that failed the next one comes: 10 to 20 s.
tick_t renewal_retry(void);

#endif
