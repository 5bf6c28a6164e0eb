// Crypto map entries with manual keys: a pair of SAs without IKE, there as long as the
// configuration is. Control core only.
#ifndef VIGIL_MANUAL_H
#define VIGIL_MANUAL_H

#include "config.h"
#include "sa_spec.h"

struct child;
struct control;
struct crypto_entry;

// What an entry's SAs are made from; the selector is the flow's.
struct manual_keys {
	struct sa_spec in, out;
	bool require; // transport mode, or nothing
	struct crypto_entry *entry;
};

// Takes over what the configuration says for this entry. SAs made from other keys are deleted.
// 0 or -ENOMEM.
int manual_fill(struct control *c, struct crypto_entry *e, const struct config_map_entry *m);
// Wipes and frees an entry's keys; its SAs go with its flows.
void manual_fini(struct control *c, struct crypto_entry *e);
// Takes an entry into the list of those with manual keys, or out of it.
void manual_link(struct control *c, struct crypto_entry *e);
void manual_unlink(struct control *c, struct crypto_entry *e);
// Makes SAs that are missing (c->manual_due): after a configuration was applied, or when some were
// deleted (`clear crypto sa` makes them anew, as IOS does). A few of them; true: there are more.
bool manual_install(struct control *c);
// The child of an entry whose outbound SA has this SPI and these addresses, or NULL.
struct child *manual_find_out(const struct control *c, const struct ip_addr *local,
                              const struct ip_addr *remote, uint32_t spi);
// An SA has used up its sequence numbers: it has stopped, and only a person can give it a new key.
void manual_exhausted(struct control *c, const struct crypto_entry *e);

#endif
