export default { expoConfig: { extra: { eas: { projectId: process.env.PROJECT_ID } } } };
