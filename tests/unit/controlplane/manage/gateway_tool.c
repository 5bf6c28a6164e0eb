// A gateway without packets, to look at the command line with: gateway_tool [FILE] prints the
// socket's path for `vigil -s` and runs until standard input ends.
#include <stdio.h>
#include <stdlib.h>

#include "gateway.h"
#include "text.h"

int main(int argc, char **argv)
{
	struct gateway *g;
	struct text t = {0};
	char block[4096];
	size_t n;
	FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;

	while (f && (n = fread(block, 1, sizeof(block), f)) > 0)
		text_put(&t, block, n);
	if (f)
		fclose(f);
	g = gateway_start(t.data ? t.data : gateway_config);
	text_fini(&t);
	if (!g)
		return EXIT_FAILURE;
	printf("%s\n", g->socket);
	fflush(stdout);
	gateway_traffic(g);
	while (getchar() != EOF)
		;
	gateway_stop(g);
	return EXIT_SUCCESS;
}
