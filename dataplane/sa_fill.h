// Derives every constant that a packet needs from a negotiated SA, once, when the SA is made.
// [C] The control core expands keys, so that a storm of new SAs does not stall a worker.
#ifndef VIGIL_DATAPLANE_SA_FILL_H
#define VIGIL_DATAPLANE_SA_FILL_H

#include "sa.h"
#include "sa_spec.h"

// 0, or -EINVAL: the algorithms do not go together (a cipher without an ICV is refused as well),
// a key has the wrong length, extended sequence numbers are to come in without a window,
// transport mode is not between two hosts that are the SA's ends, or what this version does not do:
// IPv6.
int sa_fill_check(const struct sa_spec *spec, enum sa_direction direction);

// Fills all but `live`, `slot`, `generation`, `owner`, `activity`, `tunnel` and the window's
// memory. `spec` has passed sa_fill_check(). `mgr` is any initialised manager of the calling
// thread.
void sa_fill(IMB_MGR *mgr, const struct sa_spec *spec, enum sa_direction direction, struct sa *sa,
             struct sa_keys *keys);

// New outer addresses and ports for an outbound SA; network byte order. Called by its worker.
void sa_fill_move(struct sa *sa, uint32_t remote, uint16_t remote_port);

#endif
