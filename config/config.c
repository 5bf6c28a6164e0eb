// Making, copying, comparing and freeing a configuration, and looking things up in it. Any thread;
// a configuration in use is read only. Must wipe what it frees: it holds pre-shared keys.
#include "config.h"

#include <crypt.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "config_list.h"
#include "secret.h"
#include "share.h"

struct config *config_create(void)
{
	struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	snprintf(c->hostname, sizeof(c->hostname), "Router");
	c->logging.on = true;
	c->logging.console = 7;
	c->platform.workers = 1;
	c->platform.control_core = -1;
	c->platform.memory_mb = 512;
	c->platform.hugepages = true;
	c->platform.max_peers = 4096;
	c->platform.max_sas = 16384;
	snprintf(c->platform.socket, sizeof(c->platform.socket), CONFIG_SOCKET);
	c->isakmp.keepalive.retry = CONFIG_KEEPALIVE_RETRY;
	c->ipsec.seconds = CONFIG_SA_SECONDS;
	c->ipsec.kilobytes = CONFIG_SA_KILOBYTES;
	c->ipsec.replay_window = CONFIG_REPLAY_WINDOW;
	return c;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (unsigned k = 0; k < CONFIG_LISTS; k++)
		share_leave(c, k);
	array_free(&c->platform.ports, &c->platform.n_ports, sizeof(*c->platform.ports));
	array_free(&c->logging.hosts, &c->logging.n_hosts, sizeof(*c->logging.hosts));
	secret_wipe(c, sizeof(*c));
	free(c);
}

struct config *config_clone(const struct config *c)
{
	struct config *n = calloc(1, sizeof(*n));
	int err = 0;

	if (!n)
		return NULL;
	memcpy(n->hostname, c->hostname, sizeof(n->hostname));
	memcpy(n->domain, c->domain, sizeof(n->domain));
	memcpy(n->enable_secret, c->enable_secret, sizeof(n->enable_secret));
	memcpy(n->enable_password, c->enable_password, sizeof(n->enable_password));
	n->enable_secret_type = c->enable_secret_type;
	n->enable_password_type = c->enable_password_type;
	n->ipv6_unicast_routing = c->ipv6_unicast_routing;
	n->isakmp = c->isakmp;
	n->ipsec = c->ipsec;
	n->logging = c->logging;
	n->platform = c->platform;
	n->logging.hosts =
		array_copy(c->logging.hosts, c->logging.n_hosts, sizeof(*c->logging.hosts));
	n->platform.ports =
		array_copy(c->platform.ports, c->platform.n_ports, sizeof(*c->platform.ports));
	if ((n->logging.n_hosts && !n->logging.hosts) ||
	    (n->platform.n_ports && !n->platform.ports))
		err = -ENOMEM;
	for (unsigned k = 0; k < CONFIG_LISTS && !err; k++)
		err = share_list(n, c, k);
	if (err) {
		if (!n->logging.hosts)
			n->logging.n_hosts = 0;
		if (!n->platform.ports)
			n->platform.n_ports = 0;
		config_free(n);
		errno = ENOMEM;
		return NULL;
	}
	return n;
}

static bool list_equal(const struct config *a, const struct config *b, enum config_kind kind)
{
	const struct config_list *l = &config_lists[kind];
	struct sorted s = config_sorted((struct config *)a, kind); // only read
	struct sorted t = config_sorted((struct config *)b, kind);
	const char *x = array_get(s.items), *y = array_get(t.items);

	if (*s.n != *t.n)
		return false;
	if (x == y)
		return true; // shared
	for (uint32_t i = 0; i < *s.n; i++, x += l->size, y += l->size)
		if (l->compare(x, y) || !l->equal(x, y))
			return false;
	return true;
}

bool config_equal(const struct config *a, const struct config *b)
{
	if (strcmp(a->hostname, b->hostname) || strcmp(a->domain, b->domain) ||
	    !config_enable_equal(a, b) || a->ipv6_unicast_routing != b->ipv6_unicast_routing ||
	    !config_logging_equal(&a->logging, &b->logging) ||
	    !config_platform_equal(&a->platform, &b->platform) ||
	    !config_isakmp_equal(&a->isakmp, &b->isakmp) ||
	    !config_ipsec_equal(&a->ipsec, &b->ipsec))
		return false;
	for (unsigned k = 0; k < CONFIG_LISTS; k++)
		if (!list_equal(a, b, k))
			return false;
	return true;
}

bool config_enable_check(const struct config *c, const char *password)
{
	const char *hash, *stored = config_enable_hash(c);
	struct crypt_data *data;
	bool ok;

	if (!stored[0])
		return true;
	data = calloc(1, sizeof(*data));
	if (!data)
		return false;
	hash = crypt_r(password, stored, data);
	ok = hash && hash[0] != '*' && strlen(hash) == strlen(stored) &&
	     secret_equal(hash, stored, strlen(hash));
	secret_wipe(data, sizeof(*data));
	free(data);
	return ok;
}

static void name_copy(char out[CONFIG_NAME], const char *name)
{
	snprintf(out, CONFIG_NAME, "%s", name);
}

const struct config_interface *config_find_interface(const struct config *c, const char *name)
{
	struct config_interface key;

	name_copy(key.name, name);
	return config_list_find(c, CONFIG_INTERFACE, &key);
}

const struct config_port *config_find_port(const struct config *c, const char *name)
{
	for (uint32_t i = 0; i < c->platform.n_ports; i++)
		if (!strcmp(c->platform.ports[i].name, name))
			return &c->platform.ports[i];
	return NULL;
}

const struct config_policy *config_find_policy(const struct config *c, uint16_t priority)
{
	struct config_policy key = {.priority = priority};

	return config_list_find(c, CONFIG_POLICY, &key);
}

const struct config_transform_set *config_find_transform_set(const struct config *c,
                                                             const char *name)
{
	struct config_transform_set key;

	name_copy(key.name, name);
	return config_list_find(c, CONFIG_TRANSFORM_SET, &key);
}

const struct config_acl *config_find_acl(const struct config *c, const char *name)
{
	struct config_acl key;

	name_copy(key.name, name);
	return config_list_find(c, CONFIG_ACL, &key);
}

const struct config_acl_line *config_acl_line(const struct config_acl *acl, uint32_t seq)
{
	struct sorted lines = config_acl_sorted((struct config_acl *)acl); // only read
	struct config_acl_line key = {.seq = seq};

	return sorted_find(&lines, &key);
}

const struct config_ezvpn *config_find_ezvpn(const struct config *c, const char *name)
{
	struct config_ezvpn key;

	name_copy(key.name, name);
	return config_list_find(c, CONFIG_EZVPN, &key);
}

const struct config_map_entry *config_find_map_entry(const struct config *c, const char *map,
                                                     uint32_t seq)
{
	struct config_map_entry key;

	name_copy(key.map, map);
	key.seq = seq;
	return config_list_find(c, CONFIG_MAP_ENTRY, &key);
}

// The first index in [0, n_map_entries) that is not before {map, seq}.
static uint32_t map_bound(const struct config *c, const char *map, uint32_t seq)
{
	uint32_t lo = 0, hi = c->n_map_entries;
	struct config_map_entry key;

	name_copy(key.map, map);
	key.seq = seq;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (config_lists[CONFIG_MAP_ENTRY].compare(&c->map_entries[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct config_map_entry *config_map_entries(const struct config *c, const char *map,
                                                  uint32_t *n)
{
	uint32_t from = map_bound(c, map, 0), to = map_bound(c, map, CONFIG_DYNAMIC);

	*n = to - from;
	return *n ? &c->map_entries[from] : NULL;
}

const struct config_map_entry *config_dynamic_entries(const struct config *c, const char *map,
                                                      uint32_t *n)
{
	uint32_t from = map_bound(c, map, CONFIG_DYNAMIC), to = map_bound(c, map, UINT32_MAX);

	*n = to - from;
	return *n ? &c->map_entries[from] : NULL;
}

const struct config_key *config_find_key(const struct config *c, const struct ip_addr *peer)
{
	struct config_key key = {.address = *peer};

	if (peer->family == 0)
		return NULL;
	for (int len = peer->family == 4 ? 32 : 128; len >= 0; len--) {
		const struct config_key *k;

		key.prefix_len = (uint8_t)len;
		k = config_list_find(c, CONFIG_KEY, &key);
		if (k && k->address.family == peer->family)
			return k->type == 6 ? NULL : k;
	}
	return NULL;
}

// Splits "GigabitEthernet0/0.100". False: it is no name of a subinterface.
static bool main_name(const char *name, char out[CONFIG_NAME])
{
	const char *dot = strrchr(name, '.');
	size_t digits = dot ? strspn(dot + 1, "0123456789") : 0;

	if (!digits || dot[1 + digits] || dot == name)
		return false;
	snprintf(out, CONFIG_NAME, "%.*s", (int)(dot - name), name);
	return true;
}

const struct config_port *config_interface_port(const struct config *c, const char *name,
                                                bool *is_sub)
{
	const struct config_port *port = config_find_port(c, name);
	char parent[CONFIG_NAME];

	*is_sub = !port && main_name(name, parent);
	return *is_sub ? config_find_port(c, parent) : port;
}

const struct config_interface *config_interface_main(const struct config *c,
                                                     const struct config_interface *i)
{
	char parent[CONFIG_NAME];

	return i->vlan && main_name(i->name, parent) ? config_find_interface(c, parent) : NULL;
}

bool config_interface_up(const struct config *c, const struct config_interface *i)
{
	const struct config_interface *parent = config_interface_main(c, i);

	return !i->shutdown && !(parent && parent->shutdown);
}

// `own` is the family's; 0 = the interface's.
static uint16_t mtu_of(const struct config *c, const struct config_interface *i, uint16_t own)
{
	const struct config_interface *parent = config_interface_main(c, i);
	uint16_t mtu = i->mtu;

	if (!mtu && parent)
		mtu = parent->mtu;
	if (!mtu)
		mtu = CONFIG_MTU;
	return own && own < mtu ? own : mtu;
}

uint16_t config_interface_mtu(const struct config *c, const struct config_interface *i)
{
	return mtu_of(c, i, i->ip_mtu);
}

uint16_t config_interface_mtu6(const struct config *c, const struct config_interface *i)
{
	return mtu_of(c, i, i->mtu6);
}

enum config_df config_interface_df(const struct config *c, const struct config_interface *i)
{
	enum config_df df = i->df ? i->df : c->ipsec.df;

	return df ? df : CONFIG_DF_COPY;
}

enum config_fragmentation config_interface_fragmentation(const struct config *c,
                                                         const struct config_interface *i)
{
	enum config_fragmentation f = i->fragmentation ? i->fragmentation : c->ipsec.fragmentation;

	return f ? f : CONFIG_FRAGMENTATION_BEFORE;
}

bool config_has_ipv6(const struct config_interface *i)
{
	return i->n_addresses6 || i->ipv6_enable;
}

// RFC 4291, appendix A: the MAC address with ff:fe in the middle and its universal bit inverted.
static void put_eui64(uint8_t out[8], const uint8_t mac[6])
{
	memcpy(out, mac, 3);
	out[0] ^= 2;
	out[3] = 0xff;
	out[4] = 0xfe;
	memcpy(out + 5, mac + 3, 3);
}

unsigned config_addresses6(const struct config_interface *i, const uint8_t mac[6],
                           struct config_address6 out[CONFIG_ADDRESSES6])
{
	unsigned n = 1;

	if (!config_has_ipv6(i))
		return 0;
	out[0] = (struct config_address6){.addr = {.family = 6, .bytes = {0xfe, 0x80}},
	                                  .prefix_len = 128,
	                                  .link_local = true,
	                                  .eui64 = true};
	for (uint32_t k = 0; k < i->n_addresses6; k++)
		if (i->addresses6[k].link_local)
			out[0] = i->addresses6[k];
		else if (n < CONFIG_ADDRESSES6)
			out[n++] = i->addresses6[k];
	for (unsigned k = 0; k < n; k++)
		if (out[k].eui64)
			put_eui64(out[k].addr.bytes + 8, mac);
	return n;
}

struct config_advert_prefix config_advert_prefix(const struct config_interface *i,
                                                 const struct ip_prefix *prefix)
{
	struct config_advert_prefix found = {.valid = 30 * 86400, .preferred = 7 * 86400};

	for (uint32_t k = 0; i && k < i->n_advert_prefixes; k++) {
		const struct config_advert_prefix *a = &i->advert_prefixes[k];

		if (prefix && prefix_equal(&a->prefix, prefix))
			return *a;
		if (!a->prefix.addr.family)
			found = *a;
	}
	return found;
}

struct config_advert config_advert(const struct config_interface *i)
{
	struct config_advert a = i->advert;

	if (!a.interval)
		a.interval = 200000;
	if (!a.interval_min)
		a.interval_min = a.interval / 4 * 3;
	if (!a.lifetime_set)
		a.lifetime = 1800;
	return a;
}

// The type that this many letters abbreviate, or NULL. A unique abbreviation is not asked for: the
// first that fits is what people mean.
static const char *interface_type(const char *text, size_t letters)
{
	static const char *const types[] = {
		"Ethernet",
		"FastEthernet",
		"GigabitEthernet",
		"TenGigabitEthernet",
		"TwentyFiveGigE",
		"FortyGigabitEthernet",
		"HundredGigE",
		"Loopback",
		"Tunnel",
		"Vlan",
		"Null",
		"Serial",
	};

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (letters <= strlen(types[i]) && !strncasecmp(types[i], text, letters))
			return types[i];
	return NULL;
}

bool config_is_interface_type(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalpha((unsigned char)text[i]))
			return false;
	return len > 0 && interface_type(text, len);
}

int config_interface_name(const char *text, char out[CONFIG_NAME])
{
	size_t letters = 0, len = strlen(text);
	const char *type = NULL;

	if (!isalpha((unsigned char)text[0]) || len >= CONFIG_NAME)
		return -EINVAL;
	while (isalpha((unsigned char)text[letters]))
		letters++;
	for (size_t i = letters; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("/._:-", text[i]))
			return -EINVAL;
	if (letters == len || isdigit((unsigned char)text[letters]))
		type = interface_type(text, letters);
	if (type && letters == len)
		return -EINVAL; // "FastEthernet" without its number
	if (snprintf(out, CONFIG_NAME, "%s%s", type ? type : "", text + (type ? letters : 0)) >=
	    CONFIG_NAME)
		return -EINVAL;
	return 0;
}
