// Crypto map entries on interfaces, made from the configuration. Control core only.
#ifndef VIGIL_ENTRY_H
#define VIGIL_ENTRY_H

#include "flow.h"

struct control;

// Brings the list of entries into line with c->config: new ones are made, changed ones changed in
// place (flows whose access list line is the same keep their SAs), others removed.
void entry_sync_all(struct control *c);
// Removes an entry with its flows; their SAs are deleted with Delete payloads.
void entry_destroy(struct control *c, struct crypto_entry *e);

#endif
