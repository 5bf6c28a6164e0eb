// Derives every constant that a packet needs from a negotiated SA, once, when the SA is made. [C]
// But AES-GCM's keys are expanded when the first packet comes [W], since they are four fifths of an
// SA, and many SAs never see a packet.
#ifndef VIGIL_DATAPLANE_SA_FILL_H
#define VIGIL_DATAPLANE_SA_FILL_H

#include "sa.h"
#include "sa_spec.h"

// 0, or -EINVAL: the algorithms do not go together (a cipher without an ICV is refused as well),
// a key has the wrong length, extended sequence numbers are to come in without a window,
// transport mode is not between two hosts that are the SA's ends, or families do not go together.
int sa_fill_check(const struct sa_spec *spec, enum sa_direction direction);

// Must an SA have a struct sa_more?
bool sa_fill_needs_more(const struct sa_spec *spec, enum sa_direction direction);

// Fills all but `live`, `slot`, `generation`, `activity`, `tunnel`, `pair`, `more` (what it leads
// to is filled) and the window's memory. `spec` has passed sa_fill_check(). `mgr` is any
// initialised manager of the calling thread.
void sa_fill(IMB_MGR *mgr, const struct sa_spec *spec, enum sa_direction direction, struct sa *sa,
             struct sa_keys *keys);

// An SA with AES-GCM is cold until this: its expanded keys come to be, and its engine is GCM. Takes
// 0.1 us. Nothing else is cold, nor is what sends dummy packets. `mgr` is of the calling thread.
void sa_warm(IMB_MGR *mgr, struct sa *sa);

// New outer address and port for an outbound SA; the port in network byte order. Called by its
// worker. Another family is ignored.
void sa_fill_move(struct sa *sa, const struct ip_addr *remote, uint16_t remote_port);

#endif
