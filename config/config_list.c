// The items of the lists: order, comparison, copy, free; one block for each kind. Any thread. A
// comparison must name every field of an item but its line: what is left out would not be applied
// by a live change.
#include "config_list.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "acl_index.h"
#include "addr.h"
#include "secret.h"
#include "share.h"

static int compare_u32(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

// interfaces

static int interface_compare(const void *a, const void *b)
{
	const struct config_interface *x = a, *y = b;

	return strverscmp(x->name, y->name);
}

static bool addresses6_equal(const struct config_interface *x, const struct config_interface *y)
{
	if (x->n_addresses6 != y->n_addresses6)
		return false;
	for (uint32_t i = 0; i < x->n_addresses6; i++) {
		const struct config_address6 *a = &x->addresses6[i], *b = &y->addresses6[i];

		if (!addr_equal(&a->addr, &b->addr) || a->prefix_len != b->prefix_len ||
		    a->link_local != b->link_local || a->eui64 != b->eui64)
			return false;
	}
	return true;
}

static bool adverts_equal(const struct config_interface *x, const struct config_interface *y)
{
	const struct config_advert *a = &x->advert, *b = &y->advert;

	if (x->n_advert_prefixes != y->n_advert_prefixes)
		return false;
	for (uint32_t i = 0; i < x->n_advert_prefixes; i++) {
		const struct config_advert_prefix *p = &x->advert_prefixes[i],
						  *q = &y->advert_prefixes[i];

		if (!prefix_equal(&p->prefix, &q->prefix) || p->valid != q->valid ||
		    p->preferred != q->preferred || p->hidden != q->hidden ||
		    p->off_link != q->off_link || p->no_autoconfig != q->no_autoconfig)
			return false;
	}
	return a->when == b->when && a->interval == b->interval &&
	       a->interval_min == b->interval_min && a->lifetime == b->lifetime &&
	       a->lifetime_set == b->lifetime_set && a->managed == b->managed &&
	       a->other == b->other && a->preference == b->preference;
}

static bool interface_equal(const void *a, const void *b)
{
	const struct config_interface *x = a, *y = b;

	if (x->n_ezvpn != y->n_ezvpn || !addresses6_equal(x, y) || !adverts_equal(x, y))
		return false;
	for (uint32_t i = 0; i < x->n_ezvpn; i++)
		if (strcmp(x->ezvpn[i].name, y->ezvpn[i].name) ||
		    x->ezvpn[i].inside != y->ezvpn[i].inside)
			return false;
	return addr_equal(&x->address, &y->address) && x->prefix_len == y->prefix_len &&
	       x->ipv6_enable == y->ipv6_enable && x->mtu6 == y->mtu6 &&
	       !strcmp(x->crypto_map6, y->crypto_map6) && x->mtu == y->mtu &&
	       x->ip_mtu == y->ip_mtu && x->vlan == y->vlan && x->native == y->native &&
	       !strcmp(x->crypto_map, y->crypto_map) && x->shutdown == y->shutdown &&
	       !strcmp(x->description, y->description) && x->df == y->df &&
	       x->fragmentation == y->fragmentation && x->mss == y->mss && x->mss6 == y->mss6 &&
	       x->speed == y->speed && x->duplex == y->duplex;
}

static int interface_copy(void *item)
{
	struct config_interface *i = item;

	i->ezvpn = array_copy(i->ezvpn, i->n_ezvpn, sizeof(*i->ezvpn));
	i->addresses6 = array_copy(i->addresses6, i->n_addresses6, sizeof(*i->addresses6));
	i->advert_prefixes =
		array_copy(i->advert_prefixes, i->n_advert_prefixes, sizeof(*i->advert_prefixes));
	return (i->n_ezvpn && !i->ezvpn) || (i->n_addresses6 && !i->addresses6) ||
	                       (i->n_advert_prefixes && !i->advert_prefixes)
	               ? -ENOMEM
	               : 0;
}

static void interface_clean(void *item)
{
	struct config_interface *i = item;

	free(i->ezvpn);
	free(i->addresses6);
	free(i->advert_prefixes);
}

// policies

static int policy_compare(const void *a, const void *b)
{
	const struct config_policy *x = a, *y = b;

	return compare_u32(x->priority, y->priority);
}

static bool policy_equal(const void *a, const void *b)
{
	const struct config_policy *x = a, *y = b;

	return x->encr == y->encr && x->key_bits == y->key_bits && x->hash == y->hash &&
	       x->auth == y->auth && x->group == y->group && x->lifetime == y->lifetime;
}

// keys

static int key_compare(const void *a, const void *b)
{
	const struct config_key *x = a, *y = b;
	struct ip_prefix p, q;

	if (!x->address.family != !y->address.family)
		return x->address.family ? -1 : 1;
	if (!x->address.family)
		return strcasecmp(x->hostname, y->hostname);
	if (x->prefix_len != y->prefix_len)
		return x->prefix_len > y->prefix_len ? -1 : 1;
	if (x->prefix_len == 32 && x->address.family == 4 && y->address.family == 4)
		return addr_compare(&x->address, &y->address);
	p = prefix_make(&x->address, x->prefix_len);
	q = prefix_make(&y->address, y->prefix_len);
	return addr_compare(&p.addr, &q.addr);
}

static bool key_equal(const void *a, const void *b)
{
	const struct config_key *x = a, *y = b;

	return addr_equal(&x->address, &y->address) && x->type == y->type &&
	       !strcmp(x->secret, y->secret) && x->no_xauth == y->no_xauth &&
	       !strcmp(x->hostname, y->hostname);
}

// transform sets

static int transform_set_compare(const void *a, const void *b)
{
	const struct config_transform_set *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool transform_set_equal(const void *a, const void *b)
{
	const struct config_transform_set *x = a, *y = b;

	return x->cipher == y->cipher && x->key_bits == y->key_bits && x->auth == y->auth &&
	       x->mode == y->mode && x->require == y->require;
}

// crypto map entries

static int map_entry_compare(const void *a, const void *b)
{
	const struct config_map_entry *x = a, *y = b;
	int c = strcmp(x->map, y->map);

	return c ? c : compare_u32(x->seq, y->seq);
}

static bool peers_equal(const struct config_peer *a, uint32_t na, const struct config_peer *b,
                        uint32_t nb)
{
	if (na != nb)
		return false;
	for (uint32_t i = 0; i < na; i++)
		if (!addr_equal(&a[i].address, &b[i].address) ||
		    strcmp(a[i].hostname, b[i].hostname) || a[i].dynamic != b[i].dynamic ||
		    a[i].is_default != b[i].is_default)
			return false;
	return true;
}

static bool session_key_equal(const struct config_session_key *a,
                              const struct config_session_key *b)
{
	return a->spi == b->spi && a->cipher_len == b->cipher_len && a->auth_len == b->auth_len &&
	       secret_equal(a->cipher, b->cipher, a->cipher_len) &&
	       secret_equal(a->auth, b->auth, a->auth_len);
}

static bool manual_equal(const struct config_manual *a, const struct config_manual *b)
{
	return a && b ? session_key_equal(&a->in, &b->in) && session_key_equal(&a->out, &b->out)
	              : a == b;
}

static bool dummy_equal(const struct config_dummy *a, const struct config_dummy *b)
{
	return a->set == b->set && a->pps == b->pps && a->seconds == b->seconds;
}

static bool replay_equal(const struct config_replay *a, const struct config_replay *b)
{
	return a->set == b->set && a->window == b->window;
}

static bool map_entry_equal(const void *a, const void *b)
{
	const struct config_map_entry *x = a, *y = b;

	if (x->n_sets != y->n_sets || !peers_equal(x->peers, x->n_peers, y->peers, y->n_peers))
		return false;
	for (uint32_t i = 0; i < x->n_sets; i++)
		if (strcmp(x->sets[i], y->sets[i]))
			return false;
	return manual_equal(x->manual, y->manual) && !strcmp(x->acl, y->acl) &&
	       !strcmp(x->dynamic, y->dynamic) && x->ipv6 == y->ipv6 &&
	       x->pfs_group == y->pfs_group && x->seconds == y->seconds &&
	       x->kilobytes == y->kilobytes && x->idle_time == y->idle_time &&
	       x->idle_default == y->idle_default && x->esn == y->esn &&
	       replay_equal(&x->replay, &y->replay) && dummy_equal(&x->dummy, &y->dummy) &&
	       text_equal(x->description, y->description);
}

static int map_entry_copy(void *item)
{
	struct config_map_entry *e = item;
	bool manual = e->manual;

	e->manual = array_copy(e->manual, manual, sizeof(*e->manual));
	e->peers = array_copy(e->peers, e->n_peers, sizeof(*e->peers));
	e->sets = array_copy(e->sets, e->n_sets, sizeof(*e->sets));
	if (e->description) {
		e->description = strdup(e->description);
		if (!e->description)
			return -ENOMEM;
	}
	return (e->n_peers && !e->peers) || (e->n_sets && !e->sets) || (manual && !e->manual)
	               ? -ENOMEM
	               : 0;
}

static void map_entry_clean(void *item)
{
	struct config_map_entry *e = item;

	if (e->manual)
		secret_wipe(e->manual, sizeof(*e->manual));
	free(e->manual);
	free(e->peers);
	free(e->sets);
	free(e->description);
}

// access lists

static int acl_compare(const void *a, const void *b)
{
	const struct config_acl *x = a, *y = b;

	return strcmp(x->name, y->name);
}

// Among what has one number: remarks stand above the line that they describe.
static uint32_t acl_line_rank(const struct config_acl_line *l)
{
	return l->action == CONFIG_ACL_REMARK ? l->note : UINT32_MAX;
}

int config_acl_line_compare(const void *a, const void *b)
{
	const struct config_acl_line *x = a, *y = b;
	int c = compare_u32(x->seq, y->seq);

	return c ? c : compare_u32(acl_line_rank(x), acl_line_rank(y));
}

static bool acl_end_equal(const struct config_acl_end *a, const struct config_acl_end *b)
{
	return addr_equal(&a->address, &b->address) && addr_equal(&a->wildcard, &b->wildcard) &&
	       a->op == b->op && a->port == b->port && a->port_high == b->port_high;
}

bool config_acl_line_same(const struct config_acl_line *l, const struct config_acl_line *m)
{
	return l->action == m->action && l->protocol == m->protocol &&
	       acl_end_equal(&l->source, &m->source) &&
	       acl_end_equal(&l->destination, &m->destination) && text_equal(l->text, m->text);
}

bool config_acl_line_equal(const struct config_acl_line *l, const struct config_acl_line *m)
{
	return l->seq == m->seq && config_acl_line_same(l, m);
}

static bool acl_equal(const void *a, const void *b)
{
	const struct config_acl *x = a, *y = b;

	if (x->n_lines != y->n_lines || x->ipv6 != y->ipv6)
		return false;
	for (uint32_t i = 0; i < x->n_lines; i++)
		if (!config_acl_line_equal(&x->lines[i], &y->lines[i]))
			return false;
	return true;
}

static int acl_copy(void *item)
{
	struct config_acl *acl = item;
	int err = 0;

	acl->index = NULL;
	acl->lines = array_copy(acl->lines, acl->n_lines, sizeof(*acl->lines));
	if (acl->n_lines && !acl->lines) {
		acl->n_lines = 0;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < acl->n_lines; i++)
		if (acl->lines[i].text) {
			acl->lines[i].text = err ? NULL : strdup(acl->lines[i].text);
			if (!acl->lines[i].text)
				err = -ENOMEM;
		}
	return err;
}

static void acl_clean(void *item)
{
	struct config_acl *acl = item;

	for (uint32_t i = 0; i < acl->n_lines; i++)
		free(acl->lines[i].text);
	free(acl->lines);
	acl_index_drop(acl);
}

// routes

static int route_compare(const void *a, const void *b)
{
	const struct config_route *x = a, *y = b;
	int c = prefix_compare(&x->prefix, &y->prefix);

	if (!c)
		c = addr_compare(&x->next_hop, &y->next_hop);
	return c ? c : strcmp(x->interface, y->interface);
}

static bool route_equal(const void *a, const void *b)
{
	const struct config_route *x = a, *y = b;

	return x->distance == y->distance && !strcmp(x->label, y->label);
}

// Easy VPN

static int ezvpn_compare(const void *a, const void *b)
{
	const struct config_ezvpn *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool ezvpn_equal(const void *a, const void *b)
{
	const struct config_ezvpn *x = a, *y = b;

	return x->connect == y->connect && x->mode == y->mode && !strcmp(x->group, y->group) &&
	       !strcmp(x->group_key, y->group_key) && !strcmp(x->username, y->username) &&
	       !strcmp(x->password, y->password) && x->idle_time == y->idle_time &&
	       peers_equal(x->peers, x->n_peers, y->peers, y->n_peers);
}

static int ezvpn_copy(void *item)
{
	struct config_ezvpn *e = item;

	e->peers = array_copy(e->peers, e->n_peers, sizeof(*e->peers));
	return e->n_peers && !e->peers ? -ENOMEM : 0;
}

static void ezvpn_clean(void *item)
{
	struct config_ezvpn *e = item;

	free(e->peers);
}

const struct config_list config_lists[CONFIG_LISTS] = {
	[CONFIG_INTERFACE] = {offsetof(struct config, interfaces),
                              offsetof(struct config, n_interfaces),
                              sizeof(struct config_interface), interface_compare, interface_equal,
                              interface_copy, interface_clean},
	[CONFIG_POLICY] = {offsetof(struct config, policies), offsetof(struct config, n_policies),
                           sizeof(struct config_policy), policy_compare, policy_equal, NULL, NULL},
	[CONFIG_KEY] = {offsetof(struct config, keys), offsetof(struct config, n_keys),
                        sizeof(struct config_key), key_compare, key_equal, NULL, NULL},
	[CONFIG_TRANSFORM_SET] = {offsetof(struct config, transform_sets),
                                  offsetof(struct config, n_transform_sets),
                                  sizeof(struct config_transform_set), transform_set_compare,
                                  transform_set_equal, NULL, NULL},
	[CONFIG_MAP_ENTRY] = {offsetof(struct config, map_entries),
                              offsetof(struct config, n_map_entries),
                              sizeof(struct config_map_entry), map_entry_compare, map_entry_equal,
                              map_entry_copy, map_entry_clean},
	[CONFIG_ACL] = {offsetof(struct config, acls), offsetof(struct config, n_acls),
                        sizeof(struct config_acl), acl_compare, acl_equal, acl_copy, acl_clean},
	[CONFIG_ROUTE] = {offsetof(struct config, routes), offsetof(struct config, n_routes),
                          sizeof(struct config_route), route_compare, route_equal, NULL, NULL},
	[CONFIG_EZVPN] = {offsetof(struct config, ezvpns), offsetof(struct config, n_ezvpns),
                          sizeof(struct config_ezvpn), ezvpn_compare, ezvpn_equal, ezvpn_copy,
                          ezvpn_clean},
};

struct sorted config_sorted(struct config *c, enum config_kind kind)
{
	const struct config_list *l = &config_lists[kind];

	return (struct sorted){
		.items = (char *)c + l->items,
		.n = (uint32_t *)((char *)c + l->n),
		.tail = &c->tail[kind],
		.size = l->size,
		.compare = l->compare,
	};
}

struct sorted config_acl_sorted(struct config_acl *acl)
{
	return (struct sorted){
		.items = &acl->lines,
		.n = &acl->n_lines,
		.tail = &acl->tail,
		.size = sizeof(*acl->lines),
		.compare = config_acl_line_compare,
	};
}

void *config_list_find(const struct config *c, enum config_kind kind, const void *key)
{
	struct sorted s = config_sorted((struct config *)c, kind); // only read

	return sorted_find(&s, key);
}

void *config_list_add(struct config *c, enum config_kind kind, const void *item)
{
	struct sorted s = config_sorted(c, kind);

	return sorted_insert(&s, item);
}

void config_list_del_range(struct config *c, enum config_kind kind, uint32_t index, uint32_t count)
{
	struct sorted s = config_sorted(c, kind);
	char *base = array_get(s.items);

	for (uint32_t i = 0; config_lists[kind].clean && i < count; i++)
		config_lists[kind].clean(base + (index + i) * s.size);
	sorted_remove(&s, index, count);
}

void config_list_del(struct config *c, enum config_kind kind, void *item)
{
	struct sorted s = config_sorted(c, kind);
	size_t offset = (size_t)((char *)item - (char *)array_get(s.items));

	config_list_del_range(c, kind, (uint32_t)(offset / s.size), 1);
}

int config_seal(struct config *c)
{
	int err = 0;

	for (unsigned k = 0; k < CONFIG_LISTS && !err; k++) {
		struct sorted s = config_sorted(c, k);

		err = sorted_seal(&s);
		if (!err)
			err = share_prepare(c, k);
	}
	for (uint32_t i = 0; i < c->n_acls && !err; i++) {
		struct sorted s = config_acl_sorted(&c->acls[i]);

		if (c->acls[i].index)
			acl_index_drop(&c->acls[i]);
		err = sorted_seal(&s);
	}
	return err;
}

bool config_enable_equal(const struct config *a, const struct config *b)
{
	return !strcmp(a->enable_secret, b->enable_secret) &&
	       !strcmp(a->enable_password, b->enable_password) &&
	       a->enable_secret_type == b->enable_secret_type &&
	       a->enable_password_type == b->enable_password_type;
}

bool config_logging_equal(const struct config_logging *a, const struct config_logging *b)
{
	if (a->n_hosts != b->n_hosts)
		return false;
	for (uint32_t i = 0; i < a->n_hosts; i++)
		if (!addr_equal(&a->hosts[i], &b->hosts[i]))
			return false;
	return a->on == b->on && a->buffered == b->buffered && a->console == b->console &&
	       !strcmp(a->file, b->file);
}

bool config_platform_equal(const struct config_platform *a, const struct config_platform *b)
{
	if (a->n_ports != b->n_ports || a->n_worker_cores != b->n_worker_cores)
		return false;
	for (uint32_t i = 0; i < a->n_ports; i++)
		if (strcmp(a->ports[i].name, b->ports[i].name) ||
		    strcmp(a->ports[i].device, b->ports[i].device) ||
		    a->ports[i].rx_queues != b->ports[i].rx_queues)
			return false;
	for (uint32_t i = 0; i < a->n_worker_cores; i++)
		if (a->worker_cores[i] != b->worker_cores[i])
			return false;
	return a->workers == b->workers && a->control_core == b->control_core &&
	       a->memory_mb == b->memory_mb && a->hugepages == b->hugepages && a->idle == b->idle &&
	       a->max_peers == b->max_peers && a->max_sas == b->max_sas &&
	       !strcmp(a->socket, b->socket);
}

bool config_isakmp_equal(const struct config_isakmp *a, const struct config_isakmp *b)
{
	return a->identity == b->identity && a->keepalive.seconds == b->keepalive.seconds &&
	       a->keepalive.retry == b->keepalive.retry &&
	       a->keepalive.periodic == b->keepalive.periodic &&
	       a->nat_keepalive == b->nat_keepalive && a->sa_limit == b->sa_limit &&
	       a->negotiation_limit == b->negotiation_limit && a->rate_limit == b->rate_limit &&
	       a->ipsec_limit == b->ipsec_limit &&
	       a->invalid_spi_recovery == b->invalid_spi_recovery &&
	       a->aggressive_disabled == b->aggressive_disabled;
}

bool config_ipsec_equal(const struct config_ipsec *a, const struct config_ipsec *b)
{
	return a->seconds == b->seconds && a->kilobytes == b->kilobytes &&
	       a->replay_window == b->replay_window && a->idle_time == b->idle_time &&
	       a->esn == b->esn && a->df == b->df && a->fragmentation == b->fragmentation &&
	       a->deny == b->deny && dummy_equal(&a->dummy, &b->dummy);
}
