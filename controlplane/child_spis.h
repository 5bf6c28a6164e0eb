// Children by the SPI that their peer has chosen, which is what its messages name them by: none of
// them asks for a walk over all that a peer has. Control core only.
#ifndef VIGIL_CHILD_SPIS_H
#define VIGIL_CHILD_SPIS_H

#include "types.h"

struct child;
struct control;
struct peer;

// The table, for as many children as c->max_sas allows. 0 or -ENOMEM.
int child_spis_init(struct control *c);
void child_spis_fini(struct control *c);
// Its outbound SA is there; it ends.
void child_spis_add(struct control *c, struct child *ch);
void child_spis_del(struct control *c, struct child *ch);
// Of `n` SPIs that are looked for in turn the first is next: starts to load what those behind it
// will need. A message may name thousands.
void child_spis_peek(const struct control *c, const struct peer *p, const uint32_t *spis,
                     unsigned n);
// A peer's children with this SPI: the newest for NULL, then each next one. Of more than
// SAME_SPI_MAX only that many are found.
struct child *child_spis_next(const struct control *c, const struct peer *p, uint32_t spi_out,
                              const struct child *last);

#endif
