import * as z from 'zod/mini';

/**
 * As `z.strictObject`, but its fields are made when they are first looked at: of the schemas of all requests, a new process
 * makes those that its first request needs, and a cold start is some milliseconds shorter (docs/engine.md).
 */
export const lazyObject = <Shape extends z.core.$ZodShape>(
  fields: () => Shape,
  params: { readonly error: string },
): z.ZodMiniObject<Shape, z.core.$strict> => {
  let shape: Shape | undefined;
  return new z.ZodMiniObject({
    type: 'object',
    catchall: z.never(),
    error: () => params.error,
    get shape(): Shape {
      shape ??= fields();
      return shape;
    },
  }) as unknown as z.ZodMiniObject<Shape, z.core.$strict>;
};
