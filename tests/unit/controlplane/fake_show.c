// The fake dataplane: what is only shown.
#include <string.h>

#include "fake_dp.h"

void dp_memory(const struct dp *dp, struct dp_memory *out)
{
	*out = (struct dp_memory){
		.sa_bytes = 320, .expanded_bytes = 1024, .rule_bytes = 200, .tunnel_bytes = 64};
	for (uint32_t i = 0; i < FAKE_SAS; i++)
		out->sas += dp->sas[i].used;
	for (uint32_t i = 0; i < FAKE_POLICY; i++)
		out->rules += dp->policies[i].used;
}

void dp_sa_stats(const struct dp *dp, struct handle sa, struct dp_sa_stats *out)
{
	const struct fake_sa *s = &dp->sas[sa.index];

	memset(out, 0, sizeof(*out));
	if (!s->used || s->generation != sa.generation)
		return;
	out->packets = s->packets;
	out->replay_window = s->inbound ? s->spec.replay_window : 0;
}
