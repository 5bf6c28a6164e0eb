// Manual keys: from a crypto map entry to a pair of SAs. Control core only. Must not speak IKE, nor
// keep a key in a place that nobody wipes.
//
// An SA without IKE has no lifetime and no replay protection (its peer's sequence numbers start
// again when the peer does), so it proves nothing to DPD. Its peer is one of its own, in no table
// of peers: the death of an IKE peer with the same address does not concern it.
#include "manual.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "apply.h"
#include "child.h"
#include "control.h"
#include "flow_suites.h"
#include "peer.h"
#include "secret.h"

#define LOOKS    256 // entries that are looked at in one turn
#define INSTALLS 16  // pairs of SAs that are made in one

// Keys by their outbound SA, and by entry: the same may be bound to several interfaces. A key
// without an entry, of a search, is equal to any.
static int compare(const void *one, const void *another)
{
	const struct manual_keys *a = one, *b = another;
	int order;

	if (a->out.spi != b->out.spi)
		return a->out.spi < b->out.spi ? -1 : 1;
	order = addr_compare(&a->out.local, &b->out.local);
	if (order == 0)
		order = addr_compare(&a->out.remote, &b->out.remote);
	if (order || !a->entry || !b->entry || a->entry == b->entry)
		return order;
	return (uintptr_t)a->entry < (uintptr_t)b->entry ? -1 : 1;
}

static void spec_fill(struct sa_spec *spec, const struct config_session_key *k,
                      const struct config_transform_set *t)
{
	unsigned len = config_cipher_key_len(t), salt = 0;

	spec->cipher = t->cipher;
	spec->auth = t->auth;
	spec->mode = t->mode;
	spec->spi = k->spi;
	if (sa_cipher_is_aead(t->cipher))
		salt = SA_SALT_MAX;
	spec->key_len = (uint16_t)(len - salt);
	memcpy(spec->key, k->cipher, len - salt);
	memcpy(spec->salt, k->cipher + len - salt, salt);
	memcpy(spec->auth_key, k->auth, sa_auth_key_len(t->auth));
}

static void delete_sas(struct control *c, struct crypto_entry *e, const char *why)
{
	struct flow *f;

	for (f = e->flows; f; f = f->next)
		while (f->children)
			child_delete(c, f->children, false, why);
}

int manual_fill(struct control *c, struct crypto_entry *e, const struct config_map_entry *m)
{
	struct manual_keys *new = calloc(1, sizeof(*new));
	const struct config_transform_set *t;

	if (!new)
		return -ENOMEM;
	new->entry = e;
	if (!config_map_entry_incomplete(c->config, m)) {
		t = config_find_transform_set(c->config, m->sets[0]);
		spec_fill(&new->in, &m->manual->in, t);
		spec_fill(&new->out, &m->manual->out, t);
		new->require = t->require;
		new->out.dummy_interval = e->dummy_interval;
		new->in.local = new->out.local = flow_local(e, &m->peers[0].address);
		new->in.remote = new->out.remote = m->peers[0].address;
	}
	// Both were zero before their fields were set.
	if (e->keys && memcmp(e->keys, new, sizeof(*new)) != 0)
		delete_sas(c, e, "manual keys changed");
	manual_fini(c, e);
	e->keys = new;
	tsearch(new, &c->manual_keys, compare); // without memory it is only not found
	return 0;
}

void manual_fini(struct control *c, struct crypto_entry *e)
{
	if (!e->keys)
		return;
	tdelete(e->keys, &c->manual_keys, compare);
	secret_wipe(e->keys, sizeof(*e->keys));
	free(e->keys);
	e->keys = NULL;
}

void manual_link(struct control *c, struct crypto_entry *e)
{
	e->next_manual = c->manual_entries;
	e->link_manual = &c->manual_entries;
	if (e->next_manual)
		e->next_manual->link_manual = &e->next_manual;
	c->manual_entries = e;
}

void manual_unlink(struct control *c, struct crypto_entry *e)
{
	if (c->manual_at == e)
		c->manual_at = e->next_manual;
	*e->link_manual = e->next_manual;
	if (e->next_manual)
		e->next_manual->link_manual = e->link_manual;
}

// The flow of the first permitted line; the others of the list have no SA and let nothing out.
static struct flow *first_flow(const struct crypto_entry *e)
{
	struct flow *f, *first = e->flows;

	for (f = e->flows; f; f = f->next)
		if (f->line < first->line)
			first = f;
	return first;
}

// Transport mode is for traffic between the two gateways; other traffic gets a tunnel, if it may.
static bool mode_fits(struct manual_keys *keys)
{
	if (keys->in.mode == SA_MODE_TUNNEL ||
	    flow_suites_host_to_host(&keys->in.selector, &keys->in.local, &keys->in.remote))
		return true;
	keys->in.mode = keys->out.mode = SA_MODE_TUNNEL;
	return !keys->require;
}

static void install(struct control *c, struct crypto_entry *e, struct flow *f)
{
	struct manual_keys keys = *e->keys;
	char text[ADDR_TEXT];
	struct peer *p = NULL;

	errno = EINVAL;
	keys.in.selector = keys.out.selector = f->selector;
	if (mode_fits(&keys))
		p = peer_create_manual(c, &keys.in.local, &keys.in.remote, e->iface);
	if (!p || !child_create_manual(c, p, f, &keys.in, &keys.out)) {
		log_msg(&c->log, LOG_ERROR, "IPSEC", "MANUAL",
		        "Crypto map %s %u: the SAs for peer %s cannot be made: %s", e->map_name,
		        e->sequence, addr_format(&keys.in.remote, text), strerror(errno));
		if (p)
			peer_release(c, p);
	}
	secret_wipe(&keys, sizeof(keys));
}

// True: SAs were made, or could not be.
static bool install_missing(struct control *c, struct crypto_entry *e)
{
	struct flow *f = e->complete && e->keys ? first_flow(e) : NULL;

	if (!f || f->children)
		return false;
	delete_sas(c, e, "another line is the first one"); // their SPIs are needed
	install(c, e, f);
	return true;
}

bool manual_install(struct control *c)
{
	unsigned looks = 0, installs = 0;

	if (apply_changes_entries(c))
		return false; // what has an SPI now may have to let go of it
	if (!c->manual_at && c->manual_due) {
		c->manual_due = false;
		c->manual_at = c->manual_entries;
	}
	while (c->manual_at && looks++ < LOOKS && installs < INSTALLS) {
		struct crypto_entry *e = c->manual_at;

		c->manual_at = e->next_manual;
		installs += install_missing(c, e);
	}
	return c->manual_at || c->manual_due;
}

struct child *manual_find_out(const struct control *c, const struct ip_addr *local,
                              const struct ip_addr *remote, uint32_t spi)
{
	const struct manual_keys key = {
		.out = {.spi = spi, .local = *local, .remote = *remote},
	};
	struct manual_keys **found = tfind(&key, &c->manual_keys, compare);
	const struct flow *f = found ? first_flow((*found)->entry) : NULL;

	return f ? f->child : NULL;
}

void manual_exhausted(struct control *c, const struct crypto_entry *e)
{
	log_msg(&c->log, LOG_ERROR, "IPSEC", "MANUAL",
	        "Crypto map %s %u: an SA with manual keys has used up its sequence numbers and "
	        "stopped; set new keys",
	        e->map_name, e->sequence);
}
