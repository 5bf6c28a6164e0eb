// Which fragments wait to be put together, so that copies of them can be told: networks duplicate
// packets, and the library gives a whole datagram up for a second first or last fragment. [W] One
// for each table of the library, bounded as that is, and in step with it.
#ifndef VIGIL_DATAPLANE_COPIES_H
#define VIGIL_DATAPLANE_COPIES_H

#include "reassemble.h"

struct copies;

// A fragment: of which datagram it is, and which part of it.
struct copies_part {
	uint64_t datagram[5]; // what the library knows it by
	uint16_t offset;      // as in the header, with the bit that says that more follow
	uint16_t len;
	uint16_t sum; // of the data, where other data makes it another part
};

// For so many datagrams, each of which waits `timeout` cycles from its first fragment on. NULL: no
// memory.
struct copies *copies_create(unsigned datagrams, uint64_t timeout);
void copies_destroy(struct copies *c);
// Does exactly this part wait already?
bool copies_has(const struct copies *c, const struct copies_part *part, uint64_t now);
// It waits from now on.
void copies_add(struct copies *c, const struct copies_part *part, uint64_t now);
// Its datagram waits no more: it is whole, or was given up.
void copies_del(struct copies *c, const struct copies_part *part);
// All that began before this moment was given up.
void copies_expire(struct copies *c, uint64_t before);

#endif
