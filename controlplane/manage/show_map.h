// `show crypto map`, `show access-lists` and `show ipv6 access-list`: the texts, from the
// configuration.
#ifndef VIGIL_MANAGE_SHOW_MAP_H
#define VIGIL_MANAGE_SHOW_MAP_H

#include "view.h"

struct text;

// Which peer each entry uses now, learned from the views of REQUEST_FLOWS.
struct map_peer {
	char map_name[CONFIG_NAME];
	uint32_t sequence;
	struct ip_addr peer;
};

struct map_peers {
	struct map_peer *items; // by name, then number, once sorted
	unsigned n;
};

void map_peers_add(struct map_peers *p, const struct flow_view *v);
void map_peers_sort(struct map_peers *p);
void map_peers_free(struct map_peers *p);

// All crypto maps, or the one called `tag`, or the one of an interface; NULL = any.
void map_print(const struct config *c, const struct map_peers *current, const char *tag,
               const char *iface, struct text *out);
// All entries of dynamic maps, or of the one called `tag`.
void map_print_dynamic(const struct config *c, const char *tag, struct text *out);
// All access lists of the family, or one.
void map_access_lists(const struct config *c, const char *name, struct text *out);
void map_access_lists6(const struct config *c, const char *name, struct text *out);

#endif
