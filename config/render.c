// A configuration -> text, one function for each section, in the order in which IOS shows them.
// Any thread, read only. Must not show a default, nor leave anything else out.
#include "render.h"

#include <errno.h>
#include <string.h>

#include "addr.h"
#include "commands.h"

static void separator(struct text *out)
{
	text_put(out, "!\n", 2);
}

static void render_head(const struct config *c, struct text *out)
{
	static const char *const levels[] = {"emergencies",   "alerts",   "critical",
	                                     "errors",        "warnings", "notifications",
	                                     "informational", "debugging"};
	const struct config_logging *l = &c->logging;
	char addr[ADDR_TEXT];

	separator(out);
	text_printf(out, "hostname %s\n", c->hostname);
	if (c->domain[0])
		text_printf(out, "ip domain name %s\n", c->domain);
	separator(out);
	if (c->enable_secret[0])
		text_printf(out, "enable secret %u %s\n", c->enable_secret_type, c->enable_secret);
	if (c->enable_password[0])
		text_printf(out, "enable password %u %s\n", c->enable_password_type,
		            c->enable_password);
	if (config_enable_hash(c)[0])
		separator(out);
	if (!l->on)
		text_printf(out, "no logging on\n");
	if (l->buffered)
		text_printf(out, "logging buffered %u\n", l->buffered);
	if (l->console < 0)
		text_printf(out, "no logging console\n");
	else if (l->console != 7)
		text_printf(out, "logging console %s\n", levels[l->console]);
	if (l->file[0])
		text_printf(out, "logging file %s\n", l->file);
	for (uint32_t i = 0; i < l->n_hosts; i++)
		text_printf(out, "logging host %s\n", addr_format(&l->hosts[i], addr));
	separator(out);
}

static void render_cores(const struct config_platform *p, struct text *out)
{
	if (!p->n_worker_cores) {
		if (p->workers != 1)
			text_printf(out, " workers %u\n", p->workers);
		return;
	}
	text_printf(out, " worker cores ");
	for (uint32_t i = 0; i < p->n_worker_cores; i++) {
		uint32_t to = i;

		while (to + 1 < p->n_worker_cores &&
		       p->worker_cores[to + 1] == p->worker_cores[to] + 1)
			to++;
		text_printf(out, "%s%u", i ? "," : "", p->worker_cores[i]);
		if (to > i)
			text_printf(out, "-%u", p->worker_cores[to]);
		i = to;
	}
	text_printf(out, "\n");
}

static void render_platform(const struct config_platform *p, const struct config_platform *normal,
                            struct text *out)
{
	if (config_platform_equal(p, normal))
		return;
	text_printf(out, "platform\n");
	render_cores(p, out);
	if (p->control_core >= 0)
		text_printf(out, " control core %d\n", p->control_core);
	if (p->memory_mb != normal->memory_mb)
		text_printf(out, " memory %u\n", p->memory_mb);
	if (!p->hugepages)
		text_printf(out, " no hugepages\n");
	if (p->idle == CONFIG_IDLE_ADAPTIVE)
		text_printf(out, " idle adaptive\n");
	if (p->max_peers != normal->max_peers)
		text_printf(out, " max-peers %u\n", p->max_peers);
	if (p->max_sas != normal->max_sas)
		text_printf(out, " max-sas %u\n", p->max_sas);
	if (strcmp(p->socket, normal->socket))
		text_printf(out, " socket %s\n", p->socket);
	for (uint32_t i = 0; i < p->n_ports; i++) {
		text_printf(out, " port %s ", p->ports[i].name);
		if (p->ports[i].rx_queues)
			text_printf(out, "rx-queues %u ", p->ports[i].rx_queues);
		text_printf(out, "%s\n", p->ports[i].device);
	}
	separator(out);
}

void render_policy_encr(const struct config_policy *p, struct text *out)
{
	static const char *const names[] = {"des", "3des", "aes"};

	text_printf(out, "%s", names[p->encr]);
	if (p->encr == CONFIG_ENCR_AES && p->key_bits != 128)
		text_printf(out, " %u", p->key_bits);
}

const char *render_hash_name(enum config_hash hash)
{
	static const char *const names[] = {"md5", "sha", "sha256", "sha384", "sha512"};

	return names[hash];
}

static void render_policy(const struct config_policy *p, struct text *out)
{
	text_printf(out, "crypto isakmp policy %u\n", p->priority);
	if (p->encr != CONFIG_ENCR_DES) {
		text_printf(out, " encr ");
		render_policy_encr(p, out);
		text_printf(out, "\n");
	}
	if (p->hash != CONFIG_HASH_SHA1)
		text_printf(out, " hash %s\n", render_hash_name(p->hash));
	if (p->auth == CONFIG_AUTH_PRE_SHARE)
		text_printf(out, " authentication pre-share\n");
	if (p->group != 1)
		text_printf(out, " group %u\n", p->group);
	if (p->lifetime != CONFIG_POLICY_LIFETIME)
		text_printf(out, " lifetime %u\n", p->lifetime);
	separator(out);
}

static void render_key(const struct config_key *k, struct text *out)
{
	char addr[ADDR_TEXT], mask[ADDR_TEXT];
	const char *type = "";

	if (k->type == 6)
		type = "6 ";
	else if (!strcmp(k->secret, "0") || !strcmp(k->secret, "6"))
		type = "0 "; // else the key would be read as its type
	text_printf(out, "crypto isakmp key %s%s ", type, k->secret);
	if (!k->address.family) {
		text_printf(out, "hostname %s", k->hostname);
	} else if (k->address.family == 6) {
		text_printf(out, "address ipv6 %s/%u", addr_format(&k->address, addr),
		            k->prefix_len);
	} else {
		struct ip_addr m = prefix_mask(k->prefix_len);

		text_printf(out, "address %s", addr_format(&k->address, addr));
		// Without a mask 0.0.0.0 would be every peer.
		if (k->prefix_len != 32 || addr_is_zero(&k->address))
			text_printf(out, " %s", addr_format(&m, mask));
	}
	text_printf(out, "%s\n", k->no_xauth ? " no-xauth" : "");
}

// Checklist item 7: on-demand is never shown, and neither is the default of the retry.
static void render_keepalive(const struct config_keepalive *k, struct text *out)
{
	if (!k->seconds)
		return;
	text_printf(out, "crypto isakmp keepalive %u", k->seconds);
	if (k->retry != CONFIG_KEEPALIVE_RETRY)
		text_printf(out, " %u", k->retry);
	text_printf(out, "%s\n", k->periodic ? " periodic" : "");
}

static void render_isakmp(const struct config *c, struct text *out)
{
	const struct config_isakmp *i = &c->isakmp;

	for (uint32_t p = 0; p < c->n_policies; p++)
		render_policy(&c->policies[p], out);
	for (uint32_t k = 0; k < c->n_keys; k++)
		render_key(&c->keys[k], out);
	if (i->identity == CONFIG_IDENTITY_DN)
		text_printf(out, "crypto isakmp identity dn\n");
	if (i->identity == CONFIG_IDENTITY_HOSTNAME)
		text_printf(out, "crypto isakmp identity hostname\n");
	if (i->invalid_spi_recovery)
		text_printf(out, "crypto isakmp invalid-spi-recovery\n");
	render_keepalive(&i->keepalive, out);
	if (i->nat_keepalive)
		text_printf(out, "crypto isakmp nat keepalive %u\n", i->nat_keepalive);
	if (i->sa_limit)
		text_printf(out, "crypto call admission limit ike sa %u\n", i->sa_limit);
	if (i->negotiation_limit)
		text_printf(out, "crypto call admission limit ike in-negotiation-sa %u\n",
		            i->negotiation_limit);
	if (i->ipsec_limit)
		text_printf(out, "crypto call admission limit ipsec sa %u\n", i->ipsec_limit);
	if (i->rate_limit)
		text_printf(out, "crypto call admission limit ike rate %u\n", i->rate_limit);
	if (i->aggressive_disabled)
		text_printf(out, "crypto isakmp aggressive-mode disable\n");
}

void render_transforms(const struct config_transform_set *t, struct text *out)
{
	static const char *const ciphers[] = {"esp-null", "esp-des", "esp-3des", "esp-aes",
	                                      "esp-gcm"};
	static const char *const hmacs[] = {"",
	                                    " esp-md5-hmac",
	                                    " esp-sha-hmac",
	                                    " esp-sha256-hmac",
	                                    " esp-sha384-hmac",
	                                    " esp-sha512-hmac"};

	text_printf(out, "%s", ciphers[t->cipher]);
	if (t->key_bits && t->key_bits != 128)
		text_printf(out, " %u", t->key_bits);
	text_printf(out, "%s", hmacs[t->auth]);
}

static void render_mtu_rules(const char *indent, enum config_df df,
                             enum config_fragmentation fragmentation, struct text *out)
{
	static const char *const bits[] = {NULL, "copy", "clear", "set"};
	static const char *const sides[] = {NULL, "before", "after"};

	if (bits[df])
		text_printf(out, "%scrypto ipsec df-bit %s\n", indent, bits[df]);
	if (sides[fragmentation])
		text_printf(out, "%scrypto ipsec fragmentation %s-encryption\n", indent,
		            sides[fragmentation]);
}

static void render_dummy(const char *before, const struct config_dummy *d, struct text *out)
{
	if (d->set)
		text_printf(out, "%s security-association dummy %s %u\n", before,
		            d->seconds ? "seconds" : "pps", d->seconds ? d->seconds : d->pps);
}

static void render_replay(const char *command, uint32_t window, struct text *out)
{
	text_printf(out, "%s security-association replay ", command);
	if (window == CONFIG_REPLAY_DISABLED)
		text_printf(out, "disable\n");
	else
		text_printf(out, "window-size %u\n", window);
}

static void render_kilobytes(const char *command, uint64_t kilobytes, struct text *out)
{
	text_printf(out, "%s security-association lifetime kilobytes ", command);
	if (kilobytes == CONFIG_NO_KILOBYTES)
		text_printf(out, "disable\n");
	else
		text_printf(out, "%llu\n", (unsigned long long)kilobytes);
}

static void render_ipsec(const struct config *c, struct text *out)
{
	const struct config_ipsec *i = &c->ipsec;

	if (i->seconds != CONFIG_SA_SECONDS)
		text_printf(out, "crypto ipsec security-association lifetime seconds %u\n",
		            i->seconds);
	if (i->kilobytes != CONFIG_SA_KILOBYTES)
		render_kilobytes("crypto ipsec", i->kilobytes, out);
	if (i->idle_time)
		text_printf(out, "crypto ipsec security-association idle-time %u\n", i->idle_time);
	if (i->replay_window != CONFIG_REPLAY_WINDOW)
		render_replay("crypto ipsec", i->replay_window, out);
	if (i->esn)
		text_printf(out, "crypto ipsec security-association esn\n");
	if (i->deny != CONFIG_DENY_JUMP)
		text_printf(out, "crypto ipsec ipv4-deny %s\n",
		            i->deny == CONFIG_DENY_CLEAR ? "clear" : "drop");
	render_dummy("crypto ipsec", &i->dummy, out);
	render_mtu_rules("", i->df, i->fragmentation, out);
	separator(out);
	for (uint32_t t = 0; t < c->n_transform_sets; t++) {
		const struct config_transform_set *set = &c->transform_sets[t];

		text_printf(out, "crypto ipsec transform-set %s ", set->name);
		render_transforms(set, out);
		text_printf(out, "\n%s!\n",
		            set->mode == SA_MODE_TUNNEL ? ""
		            : set->require              ? " mode transport require\n"
		                                        : " mode transport\n");
	}
}

static void render_peer(const char *keyword, const struct config_peer *p, struct text *out)
{
	char addr[ADDR_TEXT];

	text_printf(out, " %s %s%s%s\n", keyword,
	            p->address.family ? addr_format(&p->address, addr) : p->hostname,
	            p->dynamic ? " dynamic" : "", p->is_default ? " default" : "");
}

static void render_ezvpn(const struct config_ezvpn *e, struct text *out)
{
	static const char *const modes[] = {"client", "network-extension", "network-plus"};

	text_printf(out, "crypto ipsec client ezvpn %s\n", e->name);
	text_printf(out, " connect %s\n", e->connect == CONFIG_EZVPN_MANUAL ? "manual" : "auto");
	if (e->group[0])
		text_printf(out, " group %s key %s\n", e->group, e->group_key);
	text_printf(out, " mode %s\n", modes[e->mode]);
	for (uint32_t i = 0; i < e->n_peers; i++)
		render_peer("peer", &e->peers[i], out);
	if (e->username[0])
		text_printf(out, " username %s password %s\n", e->username, e->password);
	if (e->idle_time)
		text_printf(out, " idle-time %u\n", e->idle_time);
	separator(out);
}

static void render_session_key(const char *side, const struct config_session_key *k,
                               struct text *out)
{
	if (!k->spi)
		return;
	text_printf(out, " set session-key %s esp %u", side, k->spi);
	if (k->cipher_len)
		text_printf(out, " cipher ");
	for (unsigned i = 0; i < k->cipher_len; i++)
		text_printf(out, "%02x", k->cipher[i]);
	if (k->auth_len)
		text_printf(out, " authenticator ");
	for (unsigned i = 0; i < k->auth_len; i++)
		text_printf(out, "%02x", k->auth[i]);
	text_printf(out, "\n");
}

static void render_map_entry(const struct config_map_entry *e, struct text *out)
{
	if (config_is_dynamic(e))
		text_printf(out, "crypto dynamic-map %s %u\n", e->map, config_map_number(e));
	else
		text_printf(out, "crypto map %s%s %u ipsec-%s%s%s\n", e->ipv6 ? "ipv6 " : "",
		            e->map, e->seq, e->manual ? "manual" : "isakmp",
		            e->dynamic[0] ? " dynamic " : "", e->dynamic);
	if (e->description)
		text_printf(out, " description %s\n", e->description);
	for (uint32_t i = 0; i < e->n_peers; i++)
		render_peer("set peer", &e->peers[i], out);
	if (e->seconds)
		text_printf(out, " set security-association lifetime seconds %u\n", e->seconds);
	if (e->kilobytes)
		render_kilobytes(" set", e->kilobytes, out);
	if (e->idle_time)
		text_printf(out, " set security-association idle-time %u%s\n", e->idle_time,
		            e->idle_default ? " default" : "");
	if (e->replay.set)
		render_replay(" set", e->replay.window, out);
	if (e->esn)
		text_printf(out, " set security-association esn\n");
	render_dummy(" set", &e->dummy, out);
	if (e->manual) {
		render_session_key("inbound", &e->manual->in, out);
		render_session_key("outbound", &e->manual->out, out);
	}
	for (uint32_t i = 0; i < e->n_sets; i++)
		text_printf(out, "%s%s%s", i ? " " : " set transform-set ", e->sets[i],
		            i + 1 == e->n_sets ? "\n" : "");
	if (e->pfs_group)
		text_printf(out, " set pfs group%u\n", e->pfs_group);
	if (e->acl[0])
		text_printf(out, " match address %s\n", e->acl);
	separator(out);
}

static void render_speed(const struct config_interface *i, struct text *out)
{
	static const char *const duplexes[] = {"", "auto", "half", "full"};

	if (i->speed == CONFIG_SPEED_AUTO)
		text_printf(out, " speed auto\n");
	else if (i->speed)
		text_printf(out, " speed %u\n", i->speed);
	if (i->duplex)
		text_printf(out, " duplex %s\n", duplexes[i->duplex]);
}

static void render_seconds(uint32_t s, struct text *out)
{
	if (s == UINT32_MAX)
		text_printf(out, " infinite");
	else
		text_printf(out, " %u", s);
}

static void render_advert_prefix(const struct config_advert_prefix *p, struct text *out)
{
	char prefix[PREFIX_TEXT];

	text_printf(out, " ipv6 nd prefix %s",
	            p->prefix.addr.family ? prefix_format(&p->prefix, prefix) : "default");
	if (p->hidden) {
		text_printf(out, " no-advertise\n");
		return;
	}
	render_seconds(p->valid, out);
	render_seconds(p->preferred, out);
	text_printf(out, "%s%s\n", p->off_link ? " off-link" : "",
	            p->no_autoconfig ? " no-autoconfig" : "");
}

static void render_interval(const struct config_advert *a, struct text *out)
{
	// In seconds the command takes less, see commands_advert.c.
	bool ms = a->interval % 1000 || a->interval_min % 1000 || a->interval < 4000 ||
	          (a->interval_min && a->interval_min < 3000);
	uint32_t unit = ms ? 1 : 1000;

	text_printf(out, " ipv6 nd ra interval%s %u", ms ? " msec" : "", a->interval / unit);
	if (a->interval_min)
		text_printf(out, " %u", a->interval_min / unit);
	text_printf(out, "\n");
}

static void render_advert(const struct config_interface *i, struct text *out)
{
	const struct config_advert *a = &i->advert;

	for (uint32_t k = 0; k < i->n_advert_prefixes; k++)
		render_advert_prefix(&i->advert_prefixes[k], out);
	if (a->managed)
		text_printf(out, " ipv6 nd managed-config-flag\n");
	if (a->other)
		text_printf(out, " ipv6 nd other-config-flag\n");
	if (a->preference)
		text_printf(out, " ipv6 nd router-preference %s\n",
		            a->preference == CONFIG_ROUTER_HIGH ? "High" : "Low");
	if (a->interval)
		render_interval(a, out);
	if (a->lifetime_set)
		text_printf(out, " ipv6 nd ra lifetime %u\n", a->lifetime);
	if (a->when)
		text_printf(out, " ipv6 nd ra suppress%s\n",
		            a->when == CONFIG_ADVERT_NEVER ? " all" : "");
}

static void render_interface6(const struct config_interface *i, struct text *out)
{
	char addr[ADDR_TEXT];

	for (uint32_t k = 0; k < i->n_addresses6; k++) {
		const struct config_address6 *a = &i->addresses6[k];

		text_printf(out, " ipv6 address %s", addr_format(&a->addr, addr));
		if (a->link_local)
			text_printf(out, " link-local\n");
		else
			text_printf(out, "/%u%s\n", a->prefix_len, a->eui64 ? " eui-64" : "");
	}
	if (i->ipv6_enable)
		text_printf(out, " ipv6 enable\n");
	if (i->mtu6)
		text_printf(out, " ipv6 mtu %u\n", i->mtu6);
	render_advert(i, out);
	if (i->crypto_map6[0])
		text_printf(out, " ipv6 crypto map %s\n", i->crypto_map6);
}

static void render_interface(const struct config_interface *i, struct text *out)
{
	struct ip_addr m = prefix_mask(i->prefix_len);
	char addr[ADDR_TEXT], mask[ADDR_TEXT];

	text_printf(out, "interface %s\n", i->name);
	if (i->description[0])
		text_printf(out, " description %s\n", i->description);
	if (i->vlan)
		text_printf(out, " encapsulation dot1Q %u%s\n", i->vlan,
		            i->native ? " native" : "");
	if (i->mtu)
		text_printf(out, " mtu %u\n", i->mtu);
	if (i->ip_mtu)
		text_printf(out, " ip mtu %u\n", i->ip_mtu);
	if (i->address.family)
		text_printf(out, " ip address %s %s\n", addr_format(&i->address, addr),
		            addr_format(&m, mask));
	else
		text_printf(out, " no ip address\n");
	render_interface6(i, out);
	if (i->shutdown)
		text_printf(out, " shutdown\n");
	render_speed(i, out);
	if (i->mss)
		text_printf(out, " ip tcp adjust-mss %u\n", i->mss);
	if (i->mss6)
		text_printf(out, " ipv6 tcp adjust-mss %u\n", i->mss6);
	render_mtu_rules(" ", i->df, i->fragmentation, out);
	if (i->crypto_map[0])
		text_printf(out, " crypto map %s\n", i->crypto_map);
	for (uint32_t k = 0; k < i->n_ezvpn; k++)
		text_printf(out, " crypto ipsec client ezvpn %s %s\n", i->ezvpn[k].name,
		            i->ezvpn[k].inside ? "inside" : "outside");
	separator(out);
}

static void render_route(const struct config_route *r, struct text *out)
{
	char addr[ADDR_TEXT], mask[ADDR_TEXT], prefix[PREFIX_TEXT];
	struct ip_addr m;

	if (r->prefix.addr.family == 6) {
		text_printf(out, "ipv6 route %s", prefix_format(&r->prefix, prefix));
	} else {
		m = prefix_mask(r->prefix.len);
		text_printf(out, "ip route %s %s", addr_format(&r->prefix.addr, addr),
		            addr_format(&m, mask));
	}
	if (r->interface[0])
		text_printf(out, " %s", r->interface);
	if (r->next_hop.family)
		text_printf(out, " %s", addr_format(&r->next_hop, addr));
	if (r->distance != 1)
		text_printf(out, " %u", r->distance);
	if (r->label[0])
		text_printf(out, " name %s", r->label);
	text_printf(out, "\n");
}

static void render_acl_address6(const struct config_acl_end *end, struct text *out)
{
	int len = prefix_len_from_wildcard(&end->wildcard);
	char addr[ADDR_TEXT];

	addr_format(&end->address, addr);
	if (len == 0)
		text_printf(out, " any");
	else if (len == 128)
		text_printf(out, " host %s", addr);
	else
		text_printf(out, " %s/%d", addr, len);
}

static void render_acl_end(const struct config_acl_end *end, struct text *out)
{
	static const char *const ops[] = {"", "eq", "neq", "lt", "gt", "range"};
	char addr[ADDR_TEXT], wildcard[ADDR_TEXT];

	addr_format(&end->address, addr);
	if (end->address.family == 6)
		render_acl_address6(end, out);
	else if (addr_v4_host(&end->wildcard) == UINT32_MAX)
		text_printf(out, " any");
	else if (addr_v4_host(&end->wildcard) == 0)
		text_printf(out, " host %s", addr);
	else
		text_printf(out, " %s %s", addr, addr_format(&end->wildcard, wildcard));
	if (end->op != CONFIG_PORT_ANY)
		text_printf(out, " %s %u", ops[end->op], end->port);
	if (end->op == CONFIG_PORT_RANGE)
		text_printf(out, " %u", end->port_high);
}

void render_acl_line(const struct config_acl_line *l, struct text *out)
{
	bool ipv6 = l->source.address.family == 6;
	const char *protocol = commands_protocol_name(l->protocol, ipv6);

	if (l->action == CONFIG_ACL_REMARK) {
		text_printf(out, "remark%s%s", l->text[0] ? " " : "", l->text);
		return;
	}
	text_printf(out, "%s ", l->action == CONFIG_ACL_PERMIT ? "permit" : "deny");
	if (protocol)
		text_printf(out, "%s", protocol);
	else
		text_printf(out, "%u", l->protocol);
	render_acl_end(&l->source, out);
	render_acl_end(&l->destination, out);
	if (l->text)
		text_printf(out, " %s", l->text);
}

// A numbered list has no place for sequence numbers; they must be those that it would get anyway.
static bool acl_is_plain(const struct config_acl *acl)
{
	if (acl->n_lines == 0 || strspn(acl->name, "0123456789") != strlen(acl->name))
		return false;
	for (uint32_t i = 0, seq = 10; i < acl->n_lines; i++) {
		if (acl->lines[i].seq != seq)
			return false;
		if (acl->lines[i].action != CONFIG_ACL_REMARK)
			seq += 10;
	}
	return true;
}

// As IOS shows it: the sequence number where it is not the one that the line would get anyway.
static void render_acl6(const struct config_acl *acl, struct text *out)
{
	uint32_t last = 0;

	text_printf(out, "ipv6 access-list %s\n", acl->name);
	for (uint32_t i = 0; i < acl->n_lines; i++) {
		if (acl->lines[i].seq != last / 10 * 10 + 10)
			text_printf(out, " sequence %u", acl->lines[i].seq);
		if (acl->lines[i].action != CONFIG_ACL_REMARK)
			last = acl->lines[i].seq;
		text_printf(out, " ");
		render_acl_line(&acl->lines[i], out);
		text_printf(out, "\n");
	}
}

static void render_acl(const struct config_acl *acl, struct text *out)
{
	bool plain = acl_is_plain(acl);

	if (acl->ipv6) {
		render_acl6(acl, out);
		return;
	}
	if (!plain)
		text_printf(out, "ip access-list extended %s\n", acl->name);
	for (uint32_t i = 0; i < acl->n_lines; i++) {
		if (plain)
			text_printf(out, "access-list %s ", acl->name);
		else
			text_printf(out, " %u ", acl->lines[i].seq);
		render_acl_line(&acl->lines[i], out);
		text_printf(out, "\n");
	}
}

int render_config(const struct config *c, struct text *out)
{
	struct config *normal = config_create();

	if (!normal)
		return -ENOMEM;
	render_head(c, out);
	render_platform(&c->platform, &normal->platform, out);
	if (c->ipv6_unicast_routing)
		text_printf(out, "ipv6 unicast-routing\n!\n");
	render_isakmp(c, out);
	render_ipsec(c, out);
	for (uint32_t i = 0; i < c->n_ezvpns; i++)
		render_ezvpn(&c->ezvpns[i], out);
	for (unsigned last = 0; last < 2; last++) // dynamic maps first, as IOS does
		for (uint32_t i = 0; i < c->n_map_entries; i++)
			if (config_is_dynamic(&c->map_entries[i]) != last)
				render_map_entry(&c->map_entries[i], out);
	for (uint32_t i = 0; i < c->n_interfaces; i++)
		render_interface(&c->interfaces[i], out);
	for (uint32_t i = 0; i < c->n_routes; i++)
		render_route(&c->routes[i], out);
	for (uint32_t i = 0; i < c->n_acls; i++)
		render_acl(&c->acls[i], out);
	text_printf(out, "!\nend\n");
	config_free(normal);
	return out->failed ? -ENOMEM : 0;
}
