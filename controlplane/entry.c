// Makes crypto map entries and their flows from the configuration. Control core only. Must not
// touch flows whose access list line has not changed: they carry traffic.
#include "entry.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "child.h"
#include "control.h"
#include "entry_peers.h"
#include "manual.h"
#include "peer.h"

// More changed entries than this, and all are gone through.
#define SYNC_SOME_MAX 256

static void destroy_denies(struct control *c, struct crypto_entry *e)
{
	for (unsigned i = 0; i < e->n_denies; i++)
		dp_policy_del(c->dp, e->denies[i].policy);
	free(e->denies);
	e->denies = NULL;
	e->n_denies = 0;
}

static void destroy_denies_of(struct control *c, struct crypto_entry *e, uint32_t line)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->n_denies; i++)
		if (e->denies[i].rule.line == line)
			dp_policy_del(c->dp, e->denies[i].policy);
		else
			e->denies[n++] = e->denies[i];
	e->n_denies = n;
}

// Takes the entry into the list of those that take any peer, or out of it.
static void set_any_peer(struct control *c, struct crypto_entry *e, bool any)
{
	if (e->any_peer == any)
		return;
	e->any_peer = any;
	if (!any) {
		*e->link_any = e->next_any;
		if (e->next_any)
			e->next_any->link_any = e->link_any;
		return;
	}
	e->next_any = c->any_peer_entries;
	e->link_any = &c->any_peer_entries;
	if (e->next_any)
		e->next_any->link_any = &e->next_any;
	c->any_peer_entries = e;
}

void entry_destroy(struct control *c, struct crypto_entry *e)
{
	set_any_peer(c, e, false);
	while (e->flows)
		flow_destroy(c, e->flows);
	destroy_denies(c, e);
	manual_fini(e);
	entry_peers_clear(e);
	entry_index_del(c, e);
	*e->link = e->next;
	if (e->next)
		e->next->link = e->link;
	free(e);
}

// Into the list, where *link is.
static void entry_insert(struct control *c, struct crypto_entry *e, struct crypto_entry **link)
{
	e->next = *link;
	e->link = link;
	if (e->next)
		e->next->link = &e->next;
	*link = e;
	entry_index_add(c, e);
}

static void fill_locals(struct control *c, struct crypto_entry *e, const struct config_interface *i)
{
	struct config_address6 six[CONFIG_ADDRESSES6];
	struct dp_iface_info info;
	unsigned n;

	e->n_locals = 0;
	if (i->address.family)
		e->locals[e->n_locals++] = i->address;
	dp_iface_info(c->dp, e->iface, &info);
	n = config_addresses6(i, info.mac, six);
	for (unsigned k = 0; k < n && e->n_locals < ENTRY_LOCALS_MAX; k++)
		if (!six[k].link_local)
			e->locals[e->n_locals++] = six[k].addr;
}

// Peers to which no address of ours leads are left out; the configuration check has named them.
static void fill_peers(struct crypto_entry *e, const struct config_map_entry *m)
{
	struct ip_addr current = e->n_peers ? e->peers[e->current] : (struct ip_addr){0};

	e->n_peers = 0;
	e->default_peer = -1;
	for (uint32_t i = 0; i < m->n_peers && e->n_peers < ENTRY_PEERS_MAX; i++) {
		if (!m->peers[i].address.family)
			continue; // by name: not active, the configuration check has said so
		if (!flow_local(e, &m->peers[i].address).family)
			continue;
		if (m->peers[i].is_default)
			e->default_peer = (int)e->n_peers;
		e->peers[e->n_peers++] = m->peers[i].address;
	}
	e->current = e->default_peer > 0 ? (unsigned)e->default_peer : 0;
	e->tried = 0;
	for (unsigned i = 0; i < e->n_peers; i++)
		if (addr_equal(&e->peers[i], &current))
			e->current = i;
}

// As IKE says it.
static uint32_t lifetime_kilobytes(uint64_t configured)
{
	if (configured == CONFIG_NO_KILOBYTES)
		return 0;
	return configured > UINT32_MAX ? UINT32_MAX : (uint32_t)configured;
}

static void fill_suites(struct control *c, struct crypto_entry *e, const struct config_map_entry *m)
{
	const struct config *config = c->config;
	uint64_t kilobytes = m->kilobytes ? m->kilobytes : config->ipsec.kilobytes;
	bool esn = config_map_entry_esn(config, m);
	struct esp_suite suite;
	const char *why;

	e->n_suites = 0;
	for (uint32_t i = 0; i < m->n_sets && e->n_suites + esn < ENTRY_SUITES_MAX; i++) {
		const struct config_transform_set *t =
			config_find_transform_set(config, m->sets[i]);

		if (!t || !config_transform_set_usable(t, &why))
			continue;
		suite = (struct esp_suite){
			.cipher = t->cipher,
			.auth = t->auth,
			.mode = t->mode,
			.require = t->require,
			.key_bits = t->key_bits,
			.pfs_group = m->pfs_group,
			.lifetime_seconds = m->seconds ? m->seconds : config->ipsec.seconds,
			.lifetime_kilobytes = lifetime_kilobytes(kilobytes),
			.esn = esn,
		};
		e->suites[e->n_suites++] = suite;
		suite.esn = false; // for a peer that does not know them
		if (esn)
			e->suites[e->n_suites++] = suite;
	}
}

// The port ranges that an operator stands for: at most two. Returns how many.
static unsigned port_ranges(const struct config_acl_end *end, uint16_t lo[2], uint16_t hi[2])
{
	lo[0] = 0;
	hi[0] = UINT16_MAX;
	switch (end->op) {
	case CONFIG_PORT_ANY:
		return 1;
	case CONFIG_PORT_EQ:
		lo[0] = hi[0] = end->port;
		return 1;
	case CONFIG_PORT_RANGE:
		lo[0] = end->port;
		hi[0] = end->port_high;
		return 1;
	case CONFIG_PORT_LT:
		hi[0] = (uint16_t)(end->port - 1);
		return end->port > 0;
	case CONFIG_PORT_GT:
		lo[0] = (uint16_t)(end->port + 1);
		return end->port < UINT16_MAX;
	case CONFIG_PORT_NEQ:
		break;
	}
	if (end->port == 0) {
		lo[0] = 1;
		return 1;
	}
	hi[0] = (uint16_t)(end->port - 1);
	lo[1] = (uint16_t)(end->port + 1);
	hi[1] = UINT16_MAX;
	return end->port < UINT16_MAX ? 2 : 1;
}

static struct ip_prefix acl_prefix(const struct config_acl_end *end)
{
	return prefix_make(&end->address, (uint8_t)prefix_len_from_wildcard(&end->wildcard));
}

static int add_deny(struct control *c, struct crypto_entry *e, const struct dp_policy_rule *rule)
{
	struct entry_deny *grown = realloc(e->denies, (e->n_denies + 1) * sizeof(*grown));
	int err;

	if (!grown)
		return -ENOMEM;
	e->denies = grown;
	e->denies[e->n_denies].rule = *rule;
	err = dp_policy_add(c->dp, rule, &e->denies[e->n_denies].policy);
	if (err == 0)
		e->n_denies++;
	return err;
}

// A deny line: up to four rules where a port is excluded on both sides.
static int deny_line(struct control *c, struct crypto_entry *e, const struct config_acl_line *l)
{
	struct dp_policy_rule rule = {.iface = e->iface,
	                              .sequence = flow_rank(e),
	                              .line = l->seq,
	                              .instance = FLOW_LINE,
	                              .local = acl_prefix(&l->source),
	                              .remote = acl_prefix(&l->destination),
	                              .proto = l->protocol};
	uint16_t slo[2], shi[2], dlo[2], dhi[2];
	unsigned ns = port_ranges(&l->source, slo, shi);
	unsigned nd = port_ranges(&l->destination, dlo, dhi);
	int err = 0;

	for (unsigned i = 0; i < ns * nd && err == 0; i++) {
		rule.local_port_lo = slo[i / nd];
		rule.local_port_hi = shi[i / nd];
		rule.remote_port_lo = dlo[i % nd];
		rule.remote_port_hi = dhi[i % nd];
		err = add_deny(c, e, &rule);
	}
	return err;
}

// The permitted line that a flow of FLOW_LINE kind was made from, NULL if there is none any more.
static const struct config_acl_line *line_of(const struct config_acl *acl, const struct flow *f)
{
	const struct config_acl_line *l = acl ? config_acl_line(acl, f->line) : NULL;
	struct selector s;
	const char *why;

	if (!l || l->action != CONFIG_ACL_PERMIT || config_acl_selector(l, &s, &why) < 0)
		return NULL;
	return (f->instance == FLOW_LINE ? selector_equal(&s, &f->selector)
	                                 : selector_covers(&s, &f->selector))
	               ? l
	               : NULL;
}

// Lines' flows whose line is no more, or another, go. kept[i]: line i of the list has its flow.
static void keep_lines(struct control *c, struct crypto_entry *e, const struct config_acl *acl,
                       bool *kept)
{
	for (uint32_t i = e->lines.n; i-- > 0;) {
		struct flow *f = e->lines.items[i];
		const struct config_acl_line *l = line_of(acl, f);

		if (l)
			kept[l - acl->lines] = true;
		else
			flow_destroy(c, f);
	}
}

static int make_flow(struct control *c, struct crypto_entry *e, const struct config_acl_line *l)
{
	struct selector s;
	const char *why;

	if (config_acl_selector(l, &s, &why) < 0 || flow_create(c, e, l->seq, FLOW_LINE, &s))
		return 0;
	return -errno;
}

static int sync_lines(struct control *c, struct crypto_entry *e, const struct config_acl *acl,
                      bool *kept)
{
	int err = 0;

	keep_lines(c, e, acl, kept);
	destroy_denies(c, e);
	for (uint32_t i = 0; acl && i < acl->n_lines && err == 0; i++) {
		const struct config_acl_line *l = &acl->lines[i];

		if (l->action == CONFIG_ACL_DENY)
			err = deny_line(c, e, l);
		else if (l->action == CONFIG_ACL_PERMIT && !kept[i])
			err = make_flow(c, e, l);
	}
	return err;
}

// What the map says on an interface cannot all be in force: then nothing goes in clear there, until
// all entries have been tried anew.
static void policy_fails(struct control *c, uint16_t iface, const char *map, uint32_t sequence,
                         int err)
{
	log_msg(&c->log, LOG_ERROR, "CRYPTO", "POLICY",
	        "Crypto map %s %u: %s. Nothing leaves %s in clear until that is mended", map,
	        sequence, strerror(err), c->ports[iface]);
	c->policy_failed[iface] = true;
}

static void log_failure(struct control *c, const struct crypto_entry *e, int err)
{
	if (err < 0)
		policy_fails(c, e->iface, e->map_name, e->sequence, -err);
}

static void sync_flows(struct control *c, struct crypto_entry *e, const struct config_acl *acl)
{
	bool *kept = calloc(acl ? acl->n_lines + 1u : 1, sizeof(*kept));
	int err = kept ? sync_lines(c, e, acl, kept) : -ENOMEM;

	free(kept);
	log_failure(c, e, err);
}

// One line of the list, which has no narrower flows.
static void sync_line(struct control *c, struct crypto_entry *e, const struct config_acl *acl,
                      uint32_t seq)
{
	const struct config_acl_line *l = config_acl_line(acl, seq);
	struct flow *f = flow_lines_find(&e->lines, seq);
	int err = 0;

	if (f && !line_of(acl, f)) {
		flow_destroy(c, f);
		f = NULL;
	}
	destroy_denies_of(c, e, seq);
	if (l && l->action == CONFIG_ACL_DENY)
		err = deny_line(c, e, l);
	else if (l && l->action == CONFIG_ACL_PERMIT && !f)
		err = make_flow(c, e, l);
	log_failure(c, e, err);
}

// A peer that the entry no longer lists loses its children there. The flow may be gone afterwards.
static void drop_unlisted(struct control *c, const struct crypto_entry *e, struct flow *f)
{
	struct handle tunnel = f->tunnel;
	struct child *ch, *later;

	for (ch = f->children; ch; ch = later) {
		later = ch->next_of_flow;
		if (!flow_entry_lists(e, &ch->peer->local, &ch->peer->remote))
			child_delete(c, ch, true, "peer removed from the crypto map");
	}
	f = flow_of(c, tunnel);
	if (f && f->waiting && !flow_entry_lists(e, &f->peer->local, &f->peer->remote))
		flow_refuse(c, f);
}

static bool take(unsigned *budget)
{
	if (!*budget)
		return false;
	--*budget;
	return true;
}

// Goes on with the flows that an entry had before a change: what it no longer allows goes. False:
// the budget is used up, and some are left.
static bool sweep(struct control *c, struct crypto_entry *e, const struct config_map_entry *m,
                  unsigned *budget)
{
	const struct config_acl *acl = config_find_acl(c->config, m->acl);
	struct flow *f;

	if (config_map_entry_lacks(c->config, m, acl))
		acl = NULL;

	while ((f = e->sweep)) {
		struct handle tunnel = f->tunnel;

		if (!take(budget))
			return false;
		e->sweep = f->next;
		if (!e->is_manual)
			drop_unlisted(c, e, f);
		f = flow_of(c, tunnel);
		if (f && f->instance != FLOW_LINE && !line_of(acl, f) &&
		    !(e->any_traffic && f->line == 0))
			flow_destroy(c, f);
	}
	return true;
}

static tick_t dummy_interval(struct config_dummy d)
{
	if (d.seconds)
		return ticks_from_seconds(d.seconds);
	return d.pps ? (TICKS_PER_SECOND + d.pps / 2u) / d.pps : 0;
}

// What is left to do of it is sweep().
static void entry_fill(struct control *c, struct crypto_entry *e, const struct config_map_entry *m,
                       const struct config_interface *i)
{
	const struct config_acl *acl = config_find_acl(c->config, m->acl);

	fill_locals(c, e, i);
	fill_peers(e, m);
	fill_suites(c, e, m);
	e->dummy_interval = dummy_interval(config_map_entry_dummy(c->config, m));
	e->complete = (e->n_peers || (e->dynamic && !m->n_peers)) && e->n_suites &&
	              !config_map_entry_lacks(c->config, m, acl) && entry_peers_set(c, e) == 0;
	if (!e->complete)
		entry_peers_clear(e);
	set_any_peer(c, e, e->complete && !e->n_peers);
	e->any_traffic = e->complete && !acl;
	if (e->is_manual && manual_fill(c, e, m))
		log_msg(&c->log, LOG_ERROR, "CRYPTO", "POLICY", "Out of memory");
	e->sweep = e->flows; // not those that are made now
	// Without an address of ours for its peers it can build nothing, but protects what it did.
	sync_flows(c, e, config_map_entry_lacks(c->config, m, acl) ? NULL : acl);
}

// Entry `m` of a bound map, or `t` of the dynamic map that it stands for.
static struct crypto_entry *entry_create(const struct config_map_entry *m,
                                         const struct config_map_entry *t, uint16_t iface)
{
	struct crypto_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	memcpy(e->map_name, m->map, sizeof(e->map_name) - 1);
	e->sequence = m->seq;
	e->dynamic = t == m ? 0 : (uint16_t)config_map_number(t);
	e->is_manual = m->manual;
	e->ipv6 = m->ipv6;
	e->iface = iface;
	e->default_peer = -1;
	return e;
}

// True if the running entry stands before {iface, map entry} in the list's order, or is of another
// map on that interface or of another kind.
static bool entry_is_stale(const struct crypto_entry *e, uint16_t iface,
                           const struct config_map_entry *m, uint32_t place)
{
	uint32_t own = flow_place(e->sequence, e->dynamic);

	if (e->iface != iface)
		return e->iface < iface;
	if (e->ipv6 != m->ipv6)
		return m->ipv6;
	return strcmp(e->map_name, m->map) != 0 || own < place ||
	       (own == place && e->is_manual != !!m->manual);
}

// Takes an entry away, a flow at a time: a dynamic one may have as many as there are peers. It
// takes no new ones from the first step on. False: the budget is used up.
static bool retire(struct control *c, struct crypto_entry *e, unsigned *budget)
{
	e->complete = e->any_traffic = false;
	set_any_peer(c, e, false);
	entry_peers_clear(e);
	while (e->flows && take(budget))
		flow_destroy(c, e->flows);
	if (e->flows || !take(budget))
		return false;
	entry_destroy(c, e);
	return true;
}

// The entry at the walk's place in the list, as `t` says.
static void sync_next(struct control *c, const struct config_map_entry *m,
                      const struct config_map_entry *t, const struct config_interface *i,
                      uint32_t place)
{
	struct entry_walk *w = &c->entry_walk;
	struct crypto_entry *e = *w->link;

	if (!e || e->iface != w->iface || e->ipv6 != w->ipv6 ||
	    flow_place(e->sequence, e->dynamic) != place) {
		e = entry_create(m, t, w->iface);
		if (!e) {
			policy_fails(c, w->iface, m->map, m->seq, ENOMEM);
			return;
		}
		entry_insert(c, e, w->link);
	}
	entry_fill(c, e, t, i);
	entry_index_append(c, e);
	w->manual = w->manual || e->is_manual;
	w->link = &e->next;
	w->sweeping = e;
}

// One entry of the map, or all of the dynamic map that it stands for. False: the budget is used up.
static bool sync_bound(struct control *c, const struct config_map_entry *m,
                       const struct config_interface *i, unsigned *budget)
{
	struct entry_walk *w = &c->entry_walk;
	const struct config_map_entry *t = m;
	uint32_t n = 1;

	if (m->dynamic[0])
		t = config_dynamic_entries(c->config, m->dynamic, &n);
	for (; w->dynamic < n; w->dynamic++) {
		const struct config_map_entry *at = &t[w->dynamic];
		uint32_t place = flow_place(m->seq, at == m ? 0 : config_map_number(at));

		if (!w->sweeping) {
			while (*w->link && entry_is_stale(*w->link, w->iface, m, place))
				if (!retire(c, *w->link, budget))
					return false;
			if (!take(budget))
				return false;
			sync_next(c, m, at, i, place);
		}
		if (w->sweeping && !sweep(c, w->sweeping, at, budget))
			return false;
		w->sweeping = NULL;
	}
	w->dynamic = 0;
	return true;
}

// Both lists are in order: one walk. False: the budget is used up before the map's end.
static bool sync_map(struct control *c, unsigned *budget)
{
	struct entry_walk *w = &c->entry_walk;
	const struct config_interface *i = config_find_interface(c->config, c->ports[w->iface]);
	const struct config_map_entry *m;
	uint32_t n = 0;

	m = i ? config_bound_map(c->config, i, w->ipv6, &n) : NULL;
	for (; m && w->at < n; w->at++)
		if (!sync_bound(c, &m[w->at], i, budget))
			return false;
	while (*w->link && (*w->link)->iface == w->iface && (*w->link)->ipv6 == w->ipv6)
		if (!retire(c, *w->link, budget))
			return false;
	return true;
}

// An entry of a map that this interface has bound.
static void sync_place(struct control *c, const struct entry_key *key,
                       const struct config_interface *i, const struct config_map_entry *m)
{
	struct crypto_entry *before, *e = entry_index_find(c, key, &before);
	unsigned all = UINT_MAX;

	if (e && (!m || e->is_manual != !!m->manual)) {
		c->manual_due = c->manual_due || e->is_manual;
		entry_destroy(c, e);
		e = NULL;
	}
	if (!m)
		return;
	if (!e) {
		e = entry_create(m, m, key->iface);
		if (!e) {
			policy_fails(c, key->iface, m->map, m->seq, ENOMEM);
			return;
		}
		entry_insert(c, e, before ? &before->next : &c->entries);
	}
	entry_fill(c, e, m, i);
	sweep(c, e, m, &all);
	c->manual_due = c->manual_due || e->is_manual;
}

// Wherever the map is bound: the entry as the new configuration has it, or has it no more.
static void sync_entry(struct control *c, const char *map, uint32_t seq)
{
	const struct config_map_entry *m = config_find_map_entry(c->config, map, seq);

	for (unsigned n = 0; n < c->n_ports && c->entry_index.valid; n++) {
		const struct config_interface *i = config_find_interface(c->config, c->ports[n]);
		uint32_t unused;

		if (!i)
			continue;
		for (unsigned six = 0; six < 2; six++) {
			const struct entry_key key = {(uint16_t)n, six, flow_place(seq, 0)};
			bool bound = m && config_bound_map(c->config, i, six, &unused);

			if (!strcmp(six ? i->crypto_map6 : i->crypto_map, map))
				sync_place(c, &key, i, bound ? m : NULL);
		}
	}
}

// What an entry's list has changed, where that is all that has and it is little. False: nothing is
// done.
static bool sync_changed_lines(struct control *c, struct crypto_entry *e,
                               const struct config_acl *acl, const struct diff_list *changes)
{
	const struct diff_line *l = changes->lines, *end = l + changes->n_lines;
	uint32_t index = (uint32_t)(acl - c->config->acls);

	if (!e->complete || e->is_manual || e->n_instances || changes->n_lines > SYNC_SOME_MAX)
		return false;
	while (l < end && l->acl != index)
		l++;
	if (l == end)
		return false; // the list is new
	for (; l < end && l->acl == index; l++)
		sync_line(c, e, acl, l->seq);
	return true;
}

static bool changes_sets(const struct diff_list *changes)
{
	bool found = false;

	for (uint32_t k = 0; k < changes->n && !found; k++)
		found = changes->items[k].kind == CONFIG_TRANSFORM_SET;
	return found;
}

// An entry that has not changed, but what it uses has.
static void sync_touched(struct control *c, const struct config_map_entry *m, bool sets,
                         const struct diff_list *changes)
{
	const struct config_acl *acl = config_find_acl(c->config, m->acl);
	bool done = acl && !sets;

	for (unsigned n = 0; n < c->n_ports && done; n++) {
		for (unsigned six = 0; six < 2 && done; six++) {
			const struct entry_key key = {(uint16_t)n, six, flow_place(m->seq, 0)};
			struct crypto_entry *before, *e = entry_index_find(c, &key, &before);

			if (e && !strcmp(e->map_name, m->map))
				done = sync_changed_lines(c, e, acl, changes);
		}
	}
	if (!done)
		sync_entry(c, m->map, m->seq);
}

static bool is_dynamic(const struct config_map_entry *m)
{
	return m->dynamic[0] || config_is_dynamic(m);
}

// The entry that a change is about, as it is or was.
static const struct config_map_entry *changed(const struct control *c, const struct config *old,
                                              const struct diff_change *d)
{
	return d->op == DIFF_DEL ? &old->map_entries[d->old_index]
	                         : &c->config->map_entries[d->new_index];
}

// Whether what `changes` has of entries is little enough to be looked up one by one. Dynamic maps
// are few, and what one of their entries says may be at several places.
static bool are_few(const struct control *c, const struct config *old,
                    const struct diff_list *changes)
{
	uint32_t n = changes->n_touched;

	if (n > SYNC_SOME_MAX)
		return false;
	for (uint32_t k = 0; k < changes->n_touched; k++)
		if (is_dynamic(&c->config->map_entries[changes->touched[k]]))
			return false;
	for (uint32_t k = 0; k < changes->n && n <= SYNC_SOME_MAX; k++) {
		const struct diff_change *d = &changes->items[k];

		if (d->kind != CONFIG_MAP_ENTRY)
			continue;
		if (is_dynamic(changed(c, old, d)) ||
		    (d->op == DIFF_CHANGE && is_dynamic(&old->map_entries[d->old_index])))
			return false;
		n++;
	}
	return n <= SYNC_SOME_MAX;
}

bool entry_sync_some(struct control *c, const struct config *old, const struct diff_list *changes)
{
	bool sets;

	if (!c->entry_index.valid || !are_few(c, old, changes))
		return false;
	for (uint32_t k = 0; k < changes->n; k++) {
		const struct diff_change *d = &changes->items[k];
		const struct config_map_entry *m;

		if (d->kind != CONFIG_MAP_ENTRY)
			continue;
		m = changed(c, old, d);
		sync_entry(c, m->map, m->seq);
	}
	sets = changes_sets(changes);
	for (uint32_t k = 0; k < changes->n_touched && c->entry_index.valid; k++)
		sync_touched(c, &c->config->map_entries[changes->touched[k]], sets, changes);
	if (c->manual_due)
		manual_install(c);
	return c->entry_index.valid;
}

void entry_walk_start(struct control *c)
{
	entry_index_start(c);
	c->entry_walk = (struct entry_walk){.link = &c->entries};
	memset(c->policy_failed, 0, sizeof(c->policy_failed));
}

bool entry_walk_step(struct control *c, unsigned budget)
{
	struct entry_walk *w = &c->entry_walk;

	while (w->iface < c->n_ports) {
		if (!sync_map(c, &budget))
			return true;
		w->at = 0;
		w->iface = (uint16_t)(w->iface + w->ipv6);
		w->ipv6 = !w->ipv6;
	}
	while (*w->link)
		if (!retire(c, *w->link, &budget))
			return true;
	entry_index_end(c);
	if (w->manual)
		manual_install(c); // last: what had an SPI before has let go of it by now
	return false;
}
