// Cross references and weak spots of a whole configuration. Any thread, read only. Must not refuse
// what IOS loads: only what cannot be done at all is an error.
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

static bool group_weak(uint8_t group)
{
	return group == 1 || group == 2 || group == 5;
}

// Adds ", text" or "text" to a list of words.
static void list_add(char *list, size_t size, const char *text)
{
	size_t len = strlen(list);

	snprintf(list + len, size - len, "%s%s", len ? ", " : "", text);
}

static void list_add_group(char *list, size_t size, uint8_t group)
{
	char text[16];

	snprintf(text, sizeof(text), "group %u", group);
	if (group_weak(group))
		list_add(list, size, text);
}

static void check_policies(const struct config *c, struct diag_list *d)
{
	for (uint32_t i = 0; i < c->n_policies; i++) {
		const struct config_policy *p = &c->policies[i];
		char weak[64] = "";
		const char *why;

		if (!config_policy_usable(p, &why))
			diag_add(d, DIAG_WARNING, p->line, 0, NULL,
			         "isakmp policy %u cannot be used: %s", p->priority, why);
		if (p->encr == CONFIG_ENCR_DES)
			list_add(weak, sizeof(weak), "des");
		if (p->encr == CONFIG_ENCR_3DES)
			list_add(weak, sizeof(weak), "3des");
		if (p->hash == CONFIG_HASH_MD5)
			list_add(weak, sizeof(weak), "md5");
		list_add_group(weak, sizeof(weak), p->group);
		if (weak[0])
			diag_add(d, DIAG_WARNING, p->line, 0, NULL,
			         "isakmp policy %u uses weak algorithms: %s", p->priority, weak);
	}
}

static void check_isakmp(const struct config *c, struct diag_list *d)
{
	const struct config_keepalive *k = &c->isakmp.keepalive;

	if (k->seconds && k->seconds <= k->retry)
		diag_add(d, DIAG_WARNING, 0, 0, NULL,
		         "crypto isakmp keepalive: the interval (%u s) should exceed the retry (%u "
		         "s)",
		         k->seconds, k->retry);
	for (uint32_t i = 0; i < c->n_keys; i++)
		if (c->keys[i].type == 6)
			diag_add(d, DIAG_WARNING, c->keys[i].line, 0, NULL,
			         "a type 6 key cannot be decrypted here, and its peers cannot be "
			         "authenticated; enter the key as text");
}

static void check_transform_sets(const struct config *c, struct diag_list *d)
{
	for (uint32_t i = 0; i < c->n_transform_sets; i++) {
		const struct config_transform_set *t = &c->transform_sets[i];
		char weak[64] = "";
		const char *why;

		if (!config_transform_set_usable(t, &why))
			diag_add(d, DIAG_WARNING, t->line, 0, NULL,
			         "transform set %s cannot be used: %s", t->name, why);
		if (t->cipher == SA_CIPHER_DES_CBC)
			list_add(weak, sizeof(weak), "esp-des");
		if (t->cipher == SA_CIPHER_3DES_CBC)
			list_add(weak, sizeof(weak), "esp-3des");
		if (t->cipher == SA_CIPHER_NULL)
			list_add(weak, sizeof(weak), "esp-null");
		if (t->auth == SA_AUTH_HMAC_MD5_96)
			list_add(weak, sizeof(weak), "esp-md5-hmac");
		if (weak[0])
			diag_add(d, DIAG_WARNING, t->line, 0, NULL,
			         "transform set %s uses weak algorithms: %s", t->name, weak);
	}
}

static void check_pfs(const struct config_map_entry *e, struct diag_list *d)
{
	const char *why;

	if (!e->pfs_group)
		return;
	if (!config_group_usable(e->pfs_group, &why))
		diag_add(d, DIAG_WARNING, e->line, 0, NULL,
		         "crypto %s \"%s\" %u: set pfs group%u: %s", config_map_kind(e), e->map,
		         config_map_number(e), e->pfs_group, why);
	if (group_weak(e->pfs_group))
		diag_add(d, DIAG_WARNING, e->line, 0, NULL,
		         "crypto %s \"%s\" %u uses weak algorithms: pfs group%u",
		         config_map_kind(e), e->map, config_map_number(e), e->pfs_group);
}

static void check_peers(const struct config *c, const struct config_map_entry *e,
                        struct diag_list *d)
{
	char text[ADDR_TEXT];

	for (uint32_t i = 0; i < e->n_peers; i++) {
		const struct config_peer *p = &e->peers[i];

		if (p->address.family && !e->manual && !config_find_key(c, &p->address))
			diag_add(d, DIAG_WARNING, e->line, 0, NULL,
			         "crypto %s \"%s\" %u: there is no pre-shared key for peer %s",
			         config_map_kind(e), e->map, config_map_number(e),
			         addr_format(&p->address, text));
		if (p->is_default && !c->isakmp.keepalive.seconds)
			diag_add(d, DIAG_WARNING, e->line, 0, NULL,
			         "crypto %s \"%s\" %u: a default peer needs 'crypto isakmp "
			         "keepalive'",
			         config_map_kind(e), e->map, config_map_number(e));
	}
}

// An entry that would negotiate them and cannot. NULL: there is none.
static const struct config_map_entry *find_without_window(const struct config *c)
{
	for (uint32_t i = 0; i < c->n_map_entries; i++) {
		const struct config_map_entry *e = &c->map_entries[i];

		if (!e->manual && !e->dynamic[0] && (e->esn || c->ipsec.esn) &&
		    !config_map_entry_esn(c, e))
			return e;
	}
	return NULL;
}

// RFC 4303, 3.4.3. Said once.
static void check_esn(const struct config *c, struct diag_list *d)
{
	const struct config_map_entry *e = find_without_window(c);
	bool global = c->ipsec.esn && c->ipsec.replay_window == CONFIG_REPLAY_DISABLED;

	if (e)
		diag_add(d, DIAG_WARNING, e->line, 0, NULL,
		         "extended sequence numbers of crypto %s \"%s\" %u are not negotiated "
		         "while '%s security-association replay disable' is set: they need replay "
		         "protection",
		         config_map_kind(e), e->map, config_map_number(e),
		         e->replay.set ? "set" : "crypto ipsec");
	else if (global && !c->n_map_entries)
		diag_add(d, DIAG_WARNING, 0, 0, NULL,
		         "extended sequence numbers are not negotiated while 'crypto ipsec "
		         "security-association replay disable' is set: they need replay "
		         "protection");
}

static bool require_transport(const struct config *c, const struct config_map_entry *e)
{
	const struct config_transform_set *t;

	for (uint32_t i = 0; i < e->n_sets; i++) {
		t = config_find_transform_set(c, e->sets[i]);
		if (!t || !t->require)
			return false;
	}
	return e->n_sets;
}

static bool is_between_gateways(const struct config_map_entry *e, const struct selector *s)
{
	struct ip_prefix host;

	for (uint32_t i = 0; i < e->n_peers; i++) {
		host = prefix_host(&e->peers[i].address);
		if (prefix_equal(&host, &s->remote) && s->local.len == host.len)
			return true;
	}
	return false;
}

// RFC 4301, 4.1: what is forwarded needs a tunnel.
static void check_transport(const struct config *c, const struct config_map_entry *e,
                            struct diag_list *d)
{
	const struct config_acl *acl = config_find_acl(c, e->acl);
	struct selector s;
	const char *why;

	if (!acl || config_is_dynamic(e) || !require_transport(c, e))
		return;
	for (uint32_t i = 0; i < acl->n_lines; i++)
		if (acl->lines[i].action == CONFIG_ACL_PERMIT &&
		    !config_acl_selector(&acl->lines[i], &s, &why) && !is_between_gateways(e, &s))
			diag_add(d, DIAG_WARNING, e->line, 0, NULL,
			         "crypto %s \"%s\" %u: its transform sets require transport mode, "
			         "and line %u of access list %s is not between this gateway and "
			         "the peer: what it matches is dropped",
			         config_map_kind(e), e->map, config_map_number(e),
			         acl->lines[i].seq, acl->name);
}

// Checklist item 43: what is missing is no error.
static void check_map_entry(const struct config *c, const struct config_map_entry *e,
                            const struct config_acl *acl, struct diag_list *d)
{
	const char *why = config_map_entry_lacks(c, e, acl);

	for (uint32_t i = 0; i < e->n_sets; i++)
		if (!config_find_transform_set(c, e->sets[i]))
			diag_add(d, DIAG_WARNING, e->line, 0, NULL,
			         "crypto %s \"%s\" %u: transform set %s is not defined",
			         config_map_kind(e), e->map, config_map_number(e), e->sets[i]);
	if (e->acl[0] && !acl)
		diag_add(d, DIAG_WARNING, e->line, 0, NULL,
		         "crypto %s \"%s\" %u: access list %s is not defined", config_map_kind(e),
		         e->map, config_map_number(e), e->acl);
	if (why)
		diag_add(d, DIAG_WARNING, e->line, 0, NULL,
		         "crypto %s \"%s\" %u is in an incomplete state: %s%s", config_map_kind(e),
		         e->map, config_map_number(e), why,
		         acl ? "; what its access list permits is dropped" : "");
	check_pfs(e, d);
	check_peers(c, e, d);
	check_transport(c, e, d);
	if (e->manual)
		check_manual(c, e, d);
}

static bool is_prefix(const struct config_acl_end *end)
{
	return prefix_len_from_wildcard(&end->wildcard) >= 0;
}

// Why a line cannot be heeded, NULL: it can. A permit becomes an identity of quick mode. A deny may
// be what no identity can (ranges of ports), but its addresses must be prefixes, and it must not be
// widened by an option that is not looked at: what it lets pass leaves in clear.
static const char *line_unusable(const struct config_acl_line *l)
{
	struct selector selector;
	const char *why;

	if (l->action == CONFIG_ACL_DENY && !l->text)
		return is_prefix(&l->source) && is_prefix(&l->destination)
		               ? NULL
		               : "the wildcard is no prefix, as a rule's must be";
	return config_acl_selector(l, &selector, &why) ? why : NULL;
}

static void check_crypto_acl(const struct config_acl *acl, struct diag_list *d)
{
	bool permits = false;
	const char *why;

	for (uint32_t i = 0; i < acl->n_lines; i++) {
		const struct config_acl_line *l = &acl->lines[i];

		if (l->action == CONFIG_ACL_REMARK)
			continue;
		permits = permits || l->action == CONFIG_ACL_PERMIT;
		why = line_unusable(l);
		if (why)
			diag_add(d, DIAG_ERROR, l->line, 0, NULL,
			         "access list %s, line %u, is used by a crypto map: %s", acl->name,
			         l->seq, why);
	}
	if (!permits)
		diag_add(d, DIAG_WARNING, acl->line, 0, NULL,
		         "access list %s, which a crypto map uses, permits nothing", acl->name);
}

// All entries of a map are of one kind: it is bound to an interface as a whole.
static void check_map_kind(const struct config_map_entry *e, const struct config_map_entry *last,
                           struct diag_list *d)
{
	if (last && !config_is_dynamic(e) && !strcmp(e->map, last->map) && e->ipv6 != last->ipv6)
		diag_add(d, DIAG_ERROR, e->line, 0, NULL,
		         "crypto map \"%s\" has entries with and without 'ipv6'", e->map);
}

static void check_maps(const struct config *c, struct diag_list *d)
{
	bool *seen = calloc(c->n_acls ? c->n_acls : 1, sizeof(*seen));

	if (!seen) {
		diag_add(d, DIAG_ERROR, 0, 0, NULL, "out of memory");
		return;
	}
	for (uint32_t i = 0; i < c->n_map_entries; i++) {
		const struct config_map_entry *e = &c->map_entries[i];
		const struct config_acl *acl = config_find_acl(c, e->acl);

		check_map_entry(c, e, acl, d);
		check_map_kind(e, i ? e - 1 : NULL, d);
		if (!acl || seen[acl - c->acls])
			continue;
		seen[acl - c->acls] = true;
		check_crypto_acl(acl, d);
	}
	free(seen);
}

// A frame belongs to one interface. Interfaces lie in order of their names, so that those of one
// main interface are few, and near.
static void check_vlan(const struct config *c, const struct config_interface *i,
                       struct diag_list *d)
{
	size_t stem = strcspn(i->name, ".");
	bool is_sub, other;

	if (!i->vlan)
		return;
	for (const struct config_interface *k = i; k-- > c->interfaces;) {
		if (strncmp(k->name, i->name, stem) != 0)
			return;
		if (config_interface_port(c, k->name, &other) !=
		            config_interface_port(c, i->name, &is_sub) ||
		    !k->vlan)
			continue;
		if (k->vlan == i->vlan || (k->native && i->native))
			diag_add(d, DIAG_ERROR, i->line, 0, NULL,
			         "interface %s has the same VLAN as interface %s", i->name,
			         k->name);
	}
}

// Whether packets to a peer of this family can have a source address on the interface.
static bool can_reach(const struct config_interface *i, uint8_t family)
{
	if (family != 6)
		return i->address.family != 0;
	for (uint32_t k = 0; k < i->n_addresses6; k++)
		if (!i->addresses6[k].link_local)
			return true;
	return false;
}

// Says it once for each map and family.
static void check_bound_peers(const struct config_interface *i, const struct config_map_entry *m,
                              uint32_t n, struct diag_list *d)
{
	bool told[2] = {can_reach(i, 4), can_reach(i, 6)};

	for (uint32_t k = 0; k < n && !(told[0] && told[1]); k++)
		for (uint32_t p = 0; p < m[k].n_peers; p++) {
			uint8_t family = m[k].peers[p].address.family;

			if (!family || told[family == 6])
				continue;
			told[family == 6] = true;
			diag_add(d, DIAG_WARNING, i->line, 0, NULL,
			         "interface %s has no %s address for the peers of crypto map "
			         "\"%s\" %u",
			         i->name, family == 6 ? "IPv6" : "IPv4", m[k].map, m[k].seq);
		}
}

static void check_binding(const struct config *c, const struct config_interface *i, bool ipv6,
                          struct diag_list *d)
{
	const char *name = ipv6 ? i->crypto_map6 : i->crypto_map;
	const struct config_map_entry *m;
	uint32_t n;

	if (!name[0])
		return;
	if (!config_map_entries(c, name, &n)) {
		diag_add(d, DIAG_WARNING, i->line, 0, NULL,
		         "interface %s: crypto map %s is not defined", i->name, name);
		return;
	}
	m = config_bound_map(c, i, ipv6, &n);
	if (!m)
		diag_add(d, DIAG_WARNING, i->line, 0, NULL,
		         "interface %s: crypto map %s is %s IPv6 one and is bound by '%scrypto "
		         "map'",
		         i->name, name, ipv6 ? "no" : "an", ipv6 ? "" : "ipv6 ");
	else if (i->address.family || config_has_ipv6(i))
		check_bound_peers(i, m, n, d);
}

static void check_mtu6(const struct config *c, const struct config_interface *i,
                       struct diag_list *d)
{
	uint16_t mtu = config_interface_mtu6(c, i);

	if (config_has_ipv6(i) && mtu < CONFIG_MTU6_MIN)
		diag_add(d, DIAG_ERROR, i->line, 0, NULL,
		         "interface %s: IPv6 needs an MTU of at least %d bytes", i->name,
		         CONFIG_MTU6_MIN);
	if (i->mtu6 && i->mtu6 > mtu)
		diag_add(d, DIAG_WARNING, i->line, 0, NULL,
		         "interface %s: ipv6 mtu %u is above the interface's MTU, which counts",
		         i->name, i->mtu6);
}

static void check_interface(const struct config *c, const struct config_interface *i,
                            struct diag_list *d)
{
	bool is_sub;

	if (!config_interface_port(c, i->name, &is_sub))
		diag_add(d, DIAG_WARNING, i->line, 0, NULL,
		         "interface %s has no port in the platform section and stays down",
		         i->name);
	if (is_sub && !i->vlan)
		diag_add(d, DIAG_WARNING, i->line, 0, NULL,
		         "interface %s has no 'encapsulation dot1Q' and stays down", i->name);
	check_vlan(c, i, d);
	check_binding(c, i, false, d);
	check_binding(c, i, true, d);
	check_mtu6(c, i, d);
	if ((i->crypto_map[0] || i->crypto_map6[0]) && !i->address.family && !config_has_ipv6(i))
		diag_add(d, DIAG_WARNING, i->line, 0, NULL,
		         "interface %s has a crypto map and no address", i->name);
	for (uint32_t k = 0; k < i->n_ezvpn; k++)
		if (!config_find_ezvpn(c, i->ezvpn[k].name))
			diag_add(d, DIAG_WARNING, i->line, 0, NULL,
			         "interface %s: crypto ipsec client ezvpn %s is not defined",
			         i->name, i->ezvpn[k].name);
}

// A network that an interface's address is in.
struct network {
	const struct config_interface *in;
	struct ip_prefix prefix;
	struct ip_addr address;
};

static int compare_networks(const void *a, const void *b)
{
	const struct network *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	return order ? order : addr_compare(&x->address, &y->address);
}

// All of them but those of link-local and EUI-64 addresses. NULL: out of memory.
static struct network *list_networks(const struct config *c, uint32_t *n)
{
	struct network *all =
		calloc((size_t)c->n_interfaces * (CONFIG_ADDRESSES6 + 1) + 1, sizeof(*all));

	*n = 0;
	for (uint32_t i = 0; all && i < c->n_interfaces; i++) {
		const struct config_interface *in = &c->interfaces[i];

		if (in->address.family)
			all[(*n)++] = (struct network){
				in, prefix_make(&in->address, in->prefix_len), in->address};
		for (uint32_t k = 0; k < in->n_addresses6; k++) {
			const struct config_address6 *a = &in->addresses6[k];

			if (!a->link_local && !a->eui64)
				all[(*n)++] = (struct network){
					in, prefix_make(&a->addr, a->prefix_len), a->addr};
		}
	}
	return all;
}

static void same_address(const struct network *net, const struct network *last, struct diag_list *d)
{
	diag_add(d, DIAG_ERROR, net->in->line, 0, NULL,
	         "interface %s has the same address as interface %s", net->in->name,
	         last->in->name);
}

// As in IOS two interfaces that are up cannot both lead to an IPv4 network. The later line is
// wrong.
static void overlap_refused(const struct network *a, const struct network *b, struct diag_list *d)
{
	bool later = a->in->address_line >= b->in->address_line; // equal: the narrower one
	const struct network *wrong = later ? a : b, *other = later ? b : a;
	char text[ADDR_TEXT];

	diag_add(d, DIAG_ERROR, wrong->in->address_line, 0, NULL,
	         "interface %s: %s overlaps with %s", wrong->in->name,
	         addr_format(&wrong->prefix.addr, text), other->in->name);
}

static void overlap_told(const struct network *net, const struct network *wide, struct diag_list *d)
{
	diag_add(d, DIAG_WARNING, net->in->line, 0, NULL,
	         "the network of interface %s overlaps with that of interface %s", net->in->name,
	         wide->in->name);
}

static bool lies_within(const struct network *net, const struct network *wide)
{
	return wide && prefix_contains(&wide->prefix, &net->address);
}

// Sorted by network, the wider first, an overlap is with the widest that came before: of all, and
// of IPv4 networks whose interfaces are up.
static void find_overlaps(const struct config *c, const struct network *order, uint32_t n,
                          struct diag_list *d)
{
	const struct network *wide = NULL, *wide_up = NULL, *last = NULL;

	for (uint32_t i = 0; i < n; last = &order[i++]) {
		const struct network *net = &order[i];
		bool up = net->address.family == 4 && config_interface_up(c, net->in);

		if (last && addr_equal(&last->address, &net->address) &&
		    (net->address.family == 6 || (up && config_interface_up(c, last->in))))
			same_address(net, last, d);
		else if (up && lies_within(net, wide_up))
			overlap_refused(net, wide_up, d);
		else if (lies_within(net, wide) && wide->in != net->in)
			overlap_told(net, wide, d);
		if (!lies_within(net, wide))
			wide = net;
		if (up && !lies_within(net, wide_up))
			wide_up = net;
	}
}

static void check_networks(const struct config *c, struct diag_list *d)
{
	struct network *order;
	uint32_t n;

	order = list_networks(c, &n);
	if (order) {
		qsort(order, n, sizeof(*order), compare_networks);
		find_overlaps(c, order, n, d);
	} else {
		diag_add(d, DIAG_ERROR, 0, 0, NULL, "out of memory");
	}
	free(order);
}

// As in IOS the gateway is an IPv6 host until it is told to route, which is easily forgotten.
static void check_ipv6_routing(const struct config *c, struct diag_list *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n_interfaces && !c->ipv6_unicast_routing; i++) {
		if (!config_has_ipv6(&c->interfaces[i]) || ++n != 2)
			continue;
		diag_add(d, DIAG_NOTICE, c->interfaces[i].line, 0, NULL,
		         "IPv6 is not forwarded between interfaces without 'ipv6 unicast-routing'");
	}
}

static bool port_is_used(const struct config *c, const struct config_port *port)
{
	bool is_sub;

	for (uint32_t i = 0; i < c->n_interfaces; i++)
		if (config_interface_port(c, c->interfaces[i].name, &is_sub) == port)
			return true;
	return false;
}

static void check_platform(const struct config *c, struct diag_list *d)
{
	const struct config_platform *p = &c->platform;

	if (p->n_ports > CONFIG_PORTS)
		diag_add(d, DIAG_ERROR, p->ports[CONFIG_PORTS].line, 0, NULL,
		         "there can be %d ports at most", CONFIG_PORTS);
	for (uint32_t i = 0; i < p->n_ports; i++) {
		if (strlen(p->ports[i].name) >= CONFIG_PORT_NAME)
			diag_add(d, DIAG_ERROR, p->ports[i].line, 0, NULL,
			         "the name of port %s is longer than %d characters",
			         p->ports[i].name, CONFIG_PORT_NAME - 1);
		if (strlen(p->ports[i].device) >= CONFIG_PORT_DEVICE)
			diag_add(d, DIAG_ERROR, p->ports[i].line, 0, NULL,
			         "the device of port %s is longer than %d characters",
			         p->ports[i].name, CONFIG_PORT_DEVICE - 1);
		for (uint32_t k = 0; k < i; k++)
			if (!strcmp(p->ports[i].device, p->ports[k].device))
				diag_add(d, DIAG_ERROR, p->ports[i].line, 0, NULL,
				         "port %s has the same device as port %s", p->ports[i].name,
				         p->ports[k].name);
		if (!port_is_used(c, &p->ports[i]))
			diag_add(d, DIAG_WARNING, p->ports[i].line, 0, NULL,
			         "port %s has no interface", p->ports[i].name);
	}
	for (uint32_t i = 0; i < p->n_worker_cores; i++)
		if (p->worker_cores[i] == p->control_core)
			diag_add(d, DIAG_WARNING, 0, 0, NULL,
			         "core %d is both a worker and the control core", p->control_core);
}

static void check_routes(const struct config *c, struct diag_list *d)
{
	for (uint32_t i = 0; i < c->n_routes; i++) {
		const struct config_route *r = &c->routes[i];

		if (r->interface[0] && strcmp(r->interface, CONFIG_NULL) &&
		    !config_find_interface(c, r->interface))
			diag_add(d, DIAG_WARNING, r->line, 0, NULL,
			         "%s route: interface %s is not configured",
			         r->prefix.addr.family == 6 ? "ipv6" : "ip", r->interface);
	}
}

int check_config(const struct config *c, struct diag_list *d)
{
	uint32_t before = d->errors;

	check_platform(c, d);
	check_policies(c, d);
	check_isakmp(c, d);
	check_transform_sets(c, d);
	check_maps(c, d);
	check_esn(c, d);
	check_manual_spis(c, d);
	for (uint32_t i = 0; i < c->n_interfaces; i++)
		check_interface(c, &c->interfaces[i], d);
	check_networks(c, d);
	check_ipv6_routing(c, d);
	check_routes(c, d);
	return d->errors > before ? -EINVAL : 0;
}
