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
#include "entry_lines.h"
#include "entry_peers.h"
#include "manual.h"
#include "peer.h"

// More changed entries than this, and all are gone through.
#define SYNC_SOME_MAX 256

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

// Removes an entry with its flows; their SAs are deleted with Delete payloads.
static void entry_destroy(struct control *c, struct crypto_entry *e)
{
	set_any_peer(c, e, false);
	while (e->flows)
		flow_destroy(c, e->flows);
	entry_denies_destroy(c, e);
	if (e->is_manual)
		manual_unlink(c, e);
	manual_fini(c, e);
	entry_peers_clear(c, e);
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
	if (e->is_manual)
		manual_link(c, e);
}

static void fill_locals(struct control *c, struct crypto_entry *e, const struct config_interface *i)
{
	struct config_address6 six[CONFIG_ADDRESSES6];
	uint8_t mac[6];
	unsigned n;

	e->n_locals = 0;
	if (i->address.family)
		e->locals[e->n_locals++] = i->address;
	dp_iface_mac(c->dp, e->iface, mac);
	n = config_addresses6(i, mac, six);
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

// Goes on with the flows that an entry had before a change: what it no longer allows goes. False:
// the budget is used up, and some are left.
static bool sweep(struct control *c, struct crypto_entry *e, const struct config_map_entry *m,
                  unsigned *budget)
{
	const struct config_acl *acl = config_find_acl(c->config, m->acl);
	struct flow *f;

	while ((f = e->sweep)) {
		struct handle tunnel = f->tunnel;

		if (!entry_take(budget))
			return false;
		e->sweep = f->next;
		if (!e->is_manual)
			drop_unlisted(c, e, f);
		f = flow_of(c, tunnel);
		if (f && f->instance != FLOW_LINE && !entry_line_of(acl, f) &&
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

// What is left to do of it are its lines, which *lines begins with, and sweep().
static void entry_fill(struct control *c, struct crypto_entry *e, const struct config_map_entry *m,
                       const struct config_interface *i, struct entry_lines *lines)
{
	const struct config_acl *acl = config_find_acl(c->config, m->acl);

	fill_locals(c, e, i);
	fill_peers(e, m);
	fill_suites(c, e, m);
	e->replay_window = config_map_entry_replay(c->config, m);
	e->dummy_interval = dummy_interval(config_map_entry_dummy(c->config, m));
	e->complete = (e->n_peers || (e->dynamic && !m->n_peers)) && e->n_suites &&
	              !config_map_entry_lacks(c->config, m, acl) && entry_peers_set(c, e) == 0;
	if (!e->complete)
		entry_peers_clear(c, e);
	set_any_peer(c, e, e->complete && !e->n_peers);
	e->any_traffic = e->complete && !acl;
	if (e->is_manual && manual_fill(c, e, m))
		log_msg(&c->log, LOG_ERROR, "CRYPTO", "POLICY", "Out of memory");
	e->sweep = e->flows; // not those that are made now
	// What it lacks keeps it from building anything; but what its list says is to be protected
	// does not leave in clear for that.
	entry_lines_start(lines, e, acl);
}

// The lines of an entry that is filled, then what it had before. False: the budget is used up.
static bool entry_settle(struct control *c, struct crypto_entry *e,
                         const struct config_map_entry *m, struct entry_lines *lines,
                         unsigned *budget)
{
	if (entry_lines_step(c, e, lines, budget))
		return false;
	log_failure(c, e, lines->err);
	lines->err = 0;
	return sweep(c, e, m, budget);
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
	entry_peers_clear(c, e);
	while (e->flows && entry_take(budget))
		flow_destroy(c, e->flows);
	if (e->flows || !entry_take(budget))
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
	entry_fill(c, e, t, i, &w->lines);
	entry_index_append(c, e);
	c->manual_due = c->manual_due || e->is_manual;
	w->link = &e->next;
	w->settling = e;
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

		if (!w->settling) {
			while (*w->link && entry_is_stale(*w->link, w->iface, m, place))
				if (!retire(c, *w->link, budget))
					return false;
			if (!entry_take(budget))
				return false;
			sync_next(c, m, at, i, place);
		}
		if (w->settling && !entry_settle(c, w->settling, at, &w->lines, budget))
			return false;
		entry_lines_end(&w->lines);
		w->settling = NULL;
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
		log_failure(c, e, entry_line_sync(c, e, acl, l->seq));
	return true;
}

static bool changes_sets(const struct diff_list *changes)
{
	bool found = false;

	for (uint32_t k = 0; k < changes->n && !found; k++)
		found = changes->items[k].kind == CONFIG_TRANSFORM_SET;
	return found;
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

// Wherever the map is bound. 0 or -ENOMEM.
static int add_jobs(struct control *c, const struct config_interface *const *interfaces,
                    const struct config_map_entry *m, bool touched)
{
	struct entry_some *some = &c->entry_some;

	for (unsigned n = 0; n < c->n_ports; n++) {
		const struct config_interface *i = interfaces[n];

		for (unsigned six = 0; i && six < 2; six++) {
			struct entry_job *jobs;

			if (strcmp(six ? i->crypto_map6 : i->crypto_map, m->map) != 0)
				continue;
			jobs = reallocarray(some->jobs, some->n + 1, sizeof(*jobs));
			if (!jobs)
				return -ENOMEM;
			some->jobs = jobs;
			jobs[some->n++] = (struct entry_job){
				.key = {(uint16_t)n, six, flow_place(m->seq, 0)},
				.map = m->map,
				.sequence = m->seq,
				.touched = touched,
			};
		}
	}
	return 0;
}

static int collect_jobs(struct control *c, const struct config *old,
                        const struct diff_list *changes)
{
	const struct config_interface *interfaces[DP_IFACES_MAX] = {NULL};
	int err = 0;

	for (unsigned n = 0; n < c->n_ports && n < DP_IFACES_MAX; n++)
		interfaces[n] = config_find_interface(c->config, c->ports[n]);
	for (uint32_t k = 0; k < changes->n && err == 0; k++)
		if (changes->items[k].kind == CONFIG_MAP_ENTRY)
			err = add_jobs(c, interfaces, changed(c, old, &changes->items[k]), false);
	for (uint32_t k = 0; k < changes->n_touched && err == 0; k++)
		err = add_jobs(c, interfaces, &c->config->map_entries[changes->touched[k]], true);
	return err;
}

static void some_end(struct control *c)
{
	entry_lines_end(&c->entry_some.lines);
	free(c->entry_some.jobs);
	c->entry_some = (struct entry_some){0};
}

bool entry_some_start(struct control *c, const struct config *old, const struct diff_list *changes)
{
	if (!c->entry_index.valid || !are_few(c, old, changes))
		return false;
	c->entry_some = (struct entry_some){.changes = changes, .sets = changes_sets(changes)};
	if (collect_jobs(c, old, changes) == 0)
		return true;
	some_end(c);
	return false;
}

// Makes the entry at a place, or the one that is there into what the configuration says now: then
// it is to be settled. False: the budget is used up.
static bool job_begin(struct control *c, const struct entry_job *job, unsigned *budget)
{
	const struct config_interface *i =
		config_find_interface(c->config, c->ports[job->key.iface]);
	const struct config_map_entry *m =
		config_find_map_entry(c->config, job->map, job->sequence);
	const struct config_acl *acl = m ? config_find_acl(c->config, m->acl) : NULL;
	struct crypto_entry *before, *e = entry_index_find(c, &job->key, &before);
	struct entry_some *some = &c->entry_some;
	uint32_t unused;

	if (m && !config_bound_map(c->config, i, job->key.ipv6, &unused))
		m = NULL;
	if (job->touched && e && m && acl && !some->sets &&
	    sync_changed_lines(c, e, acl, some->changes))
		return true;
	if (e && (!m || e->is_manual != !!m->manual)) {
		c->manual_due = c->manual_due || e->is_manual;
		if (!retire(c, e, budget))
			return false;
		e = entry_index_find(c, &job->key, &before);
	}
	if (!m)
		return true;
	if (!entry_take(budget))
		return false;
	if (!e) {
		e = entry_create(m, m, job->key.iface);
		if (!e) {
			policy_fails(c, job->key.iface, m->map, m->seq, ENOMEM);
			return true;
		}
		entry_insert(c, e, before ? &before->next : &c->entries);
	}
	entry_fill(c, e, m, i, &some->lines);
	c->manual_due = c->manual_due || e->is_manual;
	some->settling = e;
	return true;
}

static bool job_step(struct control *c, const struct entry_job *job, unsigned *budget)
{
	struct entry_some *some = &c->entry_some;

	if (!some->settling && !job_begin(c, job, budget))
		return false;
	if (some->settling &&
	    !entry_settle(c, some->settling,
	                  config_find_map_entry(c->config, job->map, job->sequence), &some->lines,
	                  budget))
		return false;
	entry_lines_end(&some->lines);
	some->settling = NULL;
	return true;
}

enum entry_some_result entry_some_step(struct control *c, unsigned budget)
{
	struct entry_some *some = &c->entry_some;

	for (; some->at < some->n && c->entry_index.valid; some->at++)
		if (!job_step(c, &some->jobs[some->at], &budget))
			return ENTRY_SOME_MORE;
	some_end(c);
	return c->entry_index.valid ? ENTRY_SOME_DONE : ENTRY_SOME_LOST;
}

void entry_walk_start(struct control *c)
{
	entry_index_start(c);
	entry_lines_end(&c->entry_walk.lines);
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
	return false;
}

void entry_stop(struct control *c)
{
	some_end(c);
	entry_lines_end(&c->entry_walk.lines);
	c->entry_index.valid = false;
	while (c->entries)
		entry_destroy(c, c->entries);
}
