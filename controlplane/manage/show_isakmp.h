// `show crypto isakmp ...`: the texts, from views and the configuration.
#ifndef VIGIL_MANAGE_SHOW_ISAKMP_H
#define VIGIL_MANAGE_SHOW_ISAKMP_H

#include "view.h"

struct text;

// Before, for each, and behind the IKE SAs.
void isakmp_sa_head(bool detail, struct text *out);
void isakmp_sa_line(const struct ike_view *v, bool detail, struct text *out);
void isakmp_sa_head6(bool detail, struct text *out);

struct isakmp_count {
	unsigned active, negotiating, dead;
};
void isakmp_count_add(struct isakmp_count *n, const struct ike_view *v);
void isakmp_count_print(const struct isakmp_count *n, struct text *out);

// A peer with what DPD thinks of it.
void isakmp_peer(const struct peer_view *v, struct text *out);

void isakmp_policies(const struct config *c, struct text *out);
void isakmp_keys(const struct config *c, struct text *out);

#endif
