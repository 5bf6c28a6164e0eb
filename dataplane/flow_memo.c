// The memo's memory and its epochs. [W] renews; [C] makes and frees while the worker does not run.
#include "flow_memo.h"

#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

#define LINES_MIN 1024u
#define LINES_MAX (1u << 19)

struct flow_memo *flow_memo_create(uint32_t flows, int socket)
{
	struct flow_memo *m = rte_zmalloc_socket("flow_memo", sizeof(*m), 64, socket);
	uint32_t lines = LINES_MIN;

	if (!m) {
		errno = ENOMEM;
		return NULL;
	}
	while (lines < LINES_MAX && lines < flows)
		lines *= 2;
	// A smaller one knows less.
	while (!m->lines && lines >= LINES_MIN) {
		m->lines = rte_zmalloc_socket("flow_memo", (size_t)lines * sizeof(*m->lines), 64,
		                              socket);
		m->mask = lines - 1;
		lines /= 2;
	}
	if (!m->lines) {
		rte_free(m);
		errno = ENOMEM;
		return NULL;
	}
	m->epoch = 1;
	return m;
}

void flow_memo_destroy(struct flow_memo *m)
{
	if (m)
		rte_free(m->lines);
	rte_free(m);
}

void flow_memo_renew(struct flow_memo *m, uint32_t routes, uint32_t rules)
{
	m->routes = routes;
	m->rules = rules;
	// Once in 16 million changes old keys would come back.
	if (m->epoch++ == FLOW_MEMO_EPOCH_MAX) {
		memset(m->lines, 0, ((size_t)m->mask + 1) * sizeof(*m->lines));
		m->epoch = 1;
	}
}
