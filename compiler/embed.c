/* embed.c -- writes the named files as a C table, so that aec carries its prelude and its runtime.
 *
 *     embed FILE... > embedded.c */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    printf("#include \"driver.h\"\n\n");
    for (int k = 1; k < argc; k++) {
        FILE *f = fopen(argv[k], "rb");
        if (!f) {
            perror(argv[k]);
            return 1;
        }
        printf("static const unsigned char text%d[] = {", k);
        int n = 0;
        for (int c; (c = getc(f)) != EOF; n++)
            printf("%s%d,", n % 24 ? "" : "\n", c);
        printf("0};\n");
        fclose(f);
    }
    printf("\nconst Embedded embedded[] = {\n");
    for (int k = 1; k < argc; k++)
        printf("    { \"%s\", text%d, sizeof text%d - 1 },\n", argv[k], k, k);
    printf("    { 0, 0, 0 }\n};\n");
    return fflush(stdout) ? 1 : 0;
}
