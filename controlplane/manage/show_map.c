// `show crypto map` and `show access-lists` in the words of IOS. Helper threads only.
#include "show_map.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "render.h"
#include "text.h"

void map_peers_add(struct map_peers *p, const struct flow_view *v)
{
	struct map_peer *bigger, *last = p->n ? &p->items[p->n - 1] : NULL;

	if (last && last->sequence == v->sequence && !strcmp(last->map_name, v->map_name))
		return; // another line of the same entry
	if ((p->n & (p->n - 1)) == 0) {
		bigger = realloc(p->items, sizeof(*p->items) * (p->n ? p->n * 2 : 1));
		if (!bigger)
			return;
		p->items = bigger;
	}
	last = &p->items[p->n++];
	memcpy(last->map_name, v->map_name, sizeof(last->map_name));
	last->sequence = v->sequence;
	last->peer = v->current;
}

static int compare(const void *a, const void *b)
{
	const struct map_peer *x = a, *y = b;
	int d = strcmp(x->map_name, y->map_name);

	if (d)
		return d;
	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

void map_peers_sort(struct map_peers *p)
{
	if (p->n)
		qsort(p->items, p->n, sizeof(*p->items), compare);
}

void map_peers_free(struct map_peers *p)
{
	free(p->items);
	*p = (struct map_peers){0};
}

// The peer in use; before there is a flow, the one that would be.
static const struct ip_addr *current_peer(const struct config_map_entry *e,
                                          const struct map_peers *current)
{
	struct map_peer key = {.sequence = e->seq};
	const struct map_peer *found = NULL;

	memcpy(key.map_name, e->map, sizeof(key.map_name));
	if (current->n)
		found = bsearch(&key, current->items, current->n, sizeof(key), compare);
	if (found)
		return &found->peer;
	for (uint32_t i = 0; i < e->n_peers; i++)
		if (e->peers[i].is_default && e->peers[i].address.family)
			return &e->peers[i].address;
	for (uint32_t i = 0; i < e->n_peers; i++)
		if (e->peers[i].address.family)
			return &e->peers[i].address;
	return NULL;
}

static void print_acl6(const struct config_acl *acl, struct text *out)
{
	text_printf(out, "        IPv6 access list %s\n", acl->name);
	for (uint32_t i = 0; i < acl->n_lines; i++) {
		if (acl->lines[i].action == CONFIG_ACL_REMARK)
			continue;
		text_printf(out, "            ");
		render_acl_line(&acl->lines[i], out);
		text_printf(out, "\n");
	}
}

static void print_acl(const struct config *c, const struct config_map_entry *e, struct text *out)
{
	const struct config_acl *acl = config_find_acl(c, e->acl);

	if (!e->acl[0]) {
		text_printf(out, "        No matching address list set.\n");
		return;
	}
	if (acl && acl->ipv6) {
		print_acl6(acl, out);
		return;
	}
	text_printf(out, "        Extended IP access list %s\n", e->acl);
	for (uint32_t i = 0; acl && i < acl->n_lines; i++) {
		if (acl->lines[i].action == CONFIG_ACL_REMARK)
			continue;
		text_printf(out, "            access-list %s ", acl->name);
		render_acl_line(&acl->lines[i], out);
		text_printf(out, "\n");
	}
}

static void print_sets(const struct config *c, const struct config_map_entry *e, struct text *out)
{
	text_printf(out, "        Transform sets={ \n");
	for (uint32_t i = 0; i < e->n_sets; i++) {
		const struct config_transform_set *t = config_find_transform_set(c, e->sets[i]);

		text_printf(out, "                %s:  { ", e->sets[i]);
		if (t)
			render_transforms(t, out);
		else
			text_printf(out, "not defined");
		text_printf(out, "  } , \n");
	}
	text_printf(out, "        }\n");
}

static void print_peers(const struct config_map_entry *e, struct text *out)
{
	char addr[ADDR_TEXT];

	for (uint32_t i = 0; i < e->n_peers; i++) {
		const struct config_peer *p = &e->peers[i];

		text_printf(out, "        Peer = %s%s%s\n",
		            p->address.family ? addr_format(&p->address, addr) : p->hostname,
		            p->is_default ? " default" : "",
		            p->address.family ? "" : " (names are not active in this version)");
	}
}

static void print_dummy(const struct config *c, const struct config_map_entry *e, struct text *out)
{
	struct config_dummy d = config_map_entry_dummy(c, e);

	if (d.seconds)
		text_printf(out, "        Dummy packets: one every %u seconds\n", d.seconds);
	else if (d.pps)
		text_printf(out, "        Dummy packets: %u per second\n", d.pps);
}

static void print_negotiated(const struct config *c, const struct config_map_entry *e,
                             struct text *out)
{
	uint64_t kilobytes = e->kilobytes ? e->kilobytes : c->ipsec.kilobytes;

	text_printf(out, "        Security association lifetime: ");
	if (kilobytes == CONFIG_NO_KILOBYTES)
		text_printf(out, "KB Vol Rekey Disabled");
	else
		text_printf(out, "%llu kilobytes", (unsigned long long)kilobytes);
	text_printf(out,
	            "/%u seconds\n"
	            "        Responder-Only (Y/N): N\n"
	            "        PFS (Y/N): %s\n",
	            e->seconds ? e->seconds : c->ipsec.seconds, e->pfs_group ? "Y" : "N");
	if (e->pfs_group)
		text_printf(out, "        DH group:  group%u\n", e->pfs_group);
	if (config_map_entry_esn(c, e))
		text_printf(out, "        Extended sequence numbers (Y/N): Y\n");
	text_printf(out, "        Mixed-mode : Disabled\n");
}

// The keys themselves stand in the configuration, for those who may read that.
static void print_session_key(const char *side, const struct config_session_key *k,
                              struct text *out)
{
	text_printf(out, "        %s esp spi: %u, cipher key: %s, auth_key: %s,\n", side, k->spi,
	            k->cipher_len ? "<set>" : "", k->auth_len ? "<set>" : "");
}

static void print_entry(const struct config *c, const struct config_map_entry *e,
                        const struct map_peers *current, struct text *out)
{
	const char *why = config_map_entry_incomplete(c, e);
	const struct ip_addr *peer;
	char addr[ADDR_TEXT];

	if (config_is_dynamic(e))
		text_printf(out, "Crypto Map Template\"%s\" %u\n", e->map, config_map_number(e));
	else
		text_printf(out, "Crypto Map IPv%c \"%s\" %u ipsec-%s\n", e->ipv6 ? '6' : '4',
		            e->map, e->seq, e->manual ? "manual" : "isakmp");
	if (why)
		text_printf(out,
		            "        WARNING: This crypto map is in an incomplete state!\n"
		            "                (missing peer or access-list definitions: %s)\n",
		            why);
	if (e->dynamic[0]) {
		text_printf(out, "        Dynamic map template tag: %s\n", e->dynamic);
		return;
	}
	if (e->description)
		text_printf(out, "        Description: %s\n", e->description);
	print_peers(e, out);
	print_acl(c, e, out);
	peer = config_is_dynamic(e) ? NULL : current_peer(e, current);
	if (peer)
		text_printf(out, "        Current peer: %s\n", addr_format(peer, addr));
	if (!e->manual)
		print_negotiated(c, e, out);
	print_dummy(c, e, out);
	print_sets(c, e, out);
	if (e->manual) {
		print_session_key("Inbound ", &e->manual->in, out);
		print_session_key("Outbound", &e->manual->out, out);
	}
}

static void print_interfaces(const struct config *c, const char *map, struct text *out)
{
	text_printf(out, "        Interfaces using crypto map %s:\n", map);
	for (uint32_t i = 0; i < c->n_interfaces; i++)
		if (!strcmp(c->interfaces[i].crypto_map, map) ||
		    !strcmp(c->interfaces[i].crypto_map6, map))
			text_printf(out, "                %s\n", c->interfaces[i].name);
	text_printf(out, "\n");
}

void map_print(const struct config *c, const struct map_peers *current, const char *tag,
               const char *iface, struct text *out)
{
	const struct config_interface *i = iface ? config_find_interface(c, iface) : NULL;
	bool any = false;

	for (uint32_t n = 0; n < c->n_map_entries; n++) {
		const struct config_map_entry *e = &c->map_entries[n];

		if (config_is_dynamic(e) || (tag && strcmp(tag, e->map) != 0) ||
		    (iface && (!i || (strcmp(i->crypto_map, e->map) != 0 &&
		                      strcmp(i->crypto_map6, e->map) != 0))))
			continue;
		any = true;
		print_entry(c, e, current, out);
		if (n + 1 == c->n_map_entries || strcmp(e->map, e[1].map) != 0 ||
		    config_is_dynamic(&e[1]))
			print_interfaces(c, e->map, out);
		else
			text_printf(out, "\n");
	}
	if (!any)
		text_printf(out, "No crypto maps found.\n");
}

void map_print_dynamic(const struct config *c, const char *tag, struct text *out)
{
	const struct map_peers none = {0};
	bool any = false;

	for (uint32_t n = 0; n < c->n_map_entries; n++) {
		const struct config_map_entry *e = &c->map_entries[n];

		if (!config_is_dynamic(e) || (tag && strcmp(tag, e->map) != 0))
			continue;
		any = true;
		print_entry(c, e, &none, out);
		text_printf(out, "\n");
	}
	if (!any)
		text_printf(out, "No crypto map templates found.\n");
}

void map_access_lists(const struct config *c, const char *name, struct text *out)
{
	for (uint32_t i = 0; i < c->n_acls; i++) {
		const struct config_acl *acl = &c->acls[i];

		if ((name && strcmp(name, acl->name) != 0) || acl->ipv6)
			continue;
		text_printf(out, "Extended IP access list %s\n", acl->name);
		for (uint32_t l = 0; l < acl->n_lines; l++) {
			if (acl->lines[l].action == CONFIG_ACL_REMARK)
				continue;
			text_printf(out, "    %u ", acl->lines[l].seq);
			render_acl_line(&acl->lines[l], out);
			text_printf(out, "\n");
		}
	}
}

void map_access_lists6(const struct config *c, const char *name, struct text *out)
{
	for (uint32_t i = 0; i < c->n_acls; i++) {
		const struct config_acl *acl = &c->acls[i];

		if ((name && strcmp(name, acl->name) != 0) || !acl->ipv6)
			continue;
		text_printf(out, "IPv6 access list %s\n", acl->name);
		for (uint32_t l = 0; l < acl->n_lines; l++) {
			if (acl->lines[l].action == CONFIG_ACL_REMARK)
				continue;
			text_printf(out, "    ");
			render_acl_line(&acl->lines[l], out);
			text_printf(out, " sequence %u\n", acl->lines[l].seq);
		}
	}
}
