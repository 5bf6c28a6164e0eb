// SPIs that somebody else chose (manual keys, imported state): top bit 0, see spi.h. A small exact
// hash {SPI, destination address} leads to the SPI that we would have given the same SA, and from
// there on the packet path knows no difference. [C] writes, [W] reads without locks.
#ifndef VIGIL_DATAPLANE_FOREIGN_H
#define VIGIL_DATAPLANE_FOREIGN_H

#include <rte_rcu_qsbr.h>

#include "types.h"

struct foreign;

// Room for `entries` SAs. NULL and errno.
struct foreign *foreign_create(uint32_t entries, struct rte_rcu_qsbr *qsbr);
void foreign_destroy(struct foreign *f);

// [C] `own` is an SPI of our making. *position is for foreign_del(), never 0. 0, -EEXIST (the
// destination has this SPI already), -ENOSPC.
int foreign_add(struct foreign *f, uint32_t spi, const struct ip_addr *destination, uint32_t own,
                uint32_t *position);
// [C] The SPI may be added again at once; a packet in flight may still find the old SA.
void foreign_del(struct foreign *f, uint32_t position);

// [W] The SPI of our making for the foreign one of a packet whose outer header, IPv4 or IPv6 and
// whole, is at `ip`. 0: none.
uint32_t foreign_find(const struct foreign *f, uint32_t spi, const void *ip);

#endif
