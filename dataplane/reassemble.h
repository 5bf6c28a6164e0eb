// Fragments to the gateway's own addresses. What is forwarded in clear stays as it is.
#ifndef VIGIL_DATAPLANE_REASSEMBLE_H
#define VIGIL_DATAPLANE_REASSEMBLE_H

#include "worker.h"

// Largest packet that is put together, and largest datagram that we send; packets of dp->pool_big
// have room for it. Of so many pieces at most: at an MTU of 1500 that is 11860 bytes of IPv4.
#define REASSEMBLE_MAX    12288u
#define REASSEMBLE_PIECES ((uint32_t)RTE_LIBRTE_IP_FRAG_MAX_FRAG)

// [C] Before launch and after the end. 0 or -errno.
int reassemble_init(struct worker *w);
void reassemble_fini(struct worker *w);
// [W] Once a tick: drops what waits too long.
void reassemble_tick(struct worker *w);

#endif
