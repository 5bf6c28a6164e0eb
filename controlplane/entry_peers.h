// Which crypto map entries list a peer, by a hash of its address: a stranger's first message must
// not cost a walk over 100,000 entries. Control core only.
#ifndef VIGIL_ENTRY_PEERS_H
#define VIGIL_ENTRY_PEERS_H

#include "types.h"

struct control;
struct crypto_entry;

// One address of an entry's list.
struct entry_peer {
	struct entry_peer *next, **link; // of the bucket
	struct crypto_entry *entry;
	struct ip_addr address;
};

// The entry's list of peers is new. 0 or -ENOMEM: then no address leads to it.
int entry_peers_set(struct control *c, struct crypto_entry *e);
void entry_peers_clear(struct control *c, struct crypto_entry *e);
void entry_peers_fini(struct control *c);
// The places that name the address, in no order: the first for NULL, then each next one.
const struct entry_peer *entry_peers_next(const struct control *c, const struct ip_addr *address,
                                          const struct entry_peer *last);

#endif
